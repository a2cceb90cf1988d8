"""Templates that users write: an operator cannot take all memory, or hours."""

import pytest
from jinja2.exceptions import SecurityError

from handlers.parameters.hydration import ENVIRONMENT
from handlers.parameters.templates import DIGITS, LONGEST

TOO_LARGE = [
    "{{ 10 ** 100000000 }}",
    "{{ (-7) ** 10000 }}",
    "{{ 'x' * 10 ** 10 }}",
    "{{ 10 ** 10 * 'x' }}",
    "{{ [1, 2] * 10 ** 9 }}",
    "{{ (1,) * 10 ** 9 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%.*f' % (1000000000, 1) }}",
    "{{ '%-01000000000s' % 'x' }}",
]
FINE = {
    "{{ 2 ** 10 }}": "1024",
    "{{ 2.5 * 4 }}": "10.0",
    "{{ 'ab' * 3 }}": "ababab",
    "{{ ([1] * 3) | length }}": "3",
    "{{ '%5.2f %s 100%%' % (2.345, 'x') }}": " 2.35 x 100%",
    "{{ 17 % 5 }}": "2",
    f"{{{{ ('x' * {LONGEST}) | length }}}}": str(LONGEST),
    f"{{{{ (1 ** {DIGITS}) }}}}": "1",
}


@pytest.mark.parametrize("template", TOO_LARGE)
def test_a_result_that_is_too_large_is_an_error(template: str) -> None:
    with pytest.raises(SecurityError, match="too large"):
        ENVIRONMENT.from_string(template).render()


@pytest.mark.parametrize(("template", "text"), FINE.items())
def test_others_are_as_in_jinja(template: str, text: str) -> None:
    assert ENVIRONMENT.from_string(template).render() == text
