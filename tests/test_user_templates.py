"""Templates of users are limited in memory and time."""

import time

import pytest
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from handlers.parameters.hydration import ENVIRONMENT
from handlers.parameters.template_limits import LONGEST_TEMPLATE, MOST_SECONDS
from handlers.parameters.templates import DIGITS, LONGEST, TemplateFailed, render

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
def test_too_large_result_is_an_error(template: str) -> None:
    with pytest.raises(SecurityError, match="too large"):
        ENVIRONMENT.from_string(template).render()


@pytest.mark.parametrize(("template", "text"), FINE.items())
def test_other_templates_render_as_in_jinja(template: str, text: str) -> None:
    assert ENVIRONMENT.from_string(template).render() == text


DOUBLING = "{%% set all = namespace(it=%s) %%}{%% for _ in range(100) %%}{%% set all.it = %s %%}{%% endfor %%}"
LARGE = "('x' * 1000000)"
LOOPS = "{% for _ in range(100) %}{% for _ in range(100) %}"
ENDS = "{% endfor %}{% endfor %}"
ENDLESS = [
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x\n' | indent(1000000000) }}",
    "{{ [1] | batch(1000000000, 1) | list }}",
    "{{ [1] | slice(1000000000) | list }}",
    "{{ [1] | tojson(indent=1000000000) }}",
    "{{ 1.5 | round(1000000000) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ '1'.zfill(1000000000) }}",
    "{{ '\t'.expandtabs(1000000000) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 1000000000) }}",
    "{{ '{a:>{b}}'.format_map({'a': 1, 'b': 1000000000}) }}",
    "{{ lipsum(n=1000000) }}",
    f"{{{{ {LARGE}.replace('x', {LARGE}) }}}}",
    f"{{{{ {LARGE} | replace('x', {LARGE}) }}}}",
    f"{{{{ {LARGE}.translate({{120: {LARGE}}}) }}}}",
    f"{{{{ ([{LARGE}] * 1000) | join }}}}",
    f"{{{{ [[{LARGE}] * 1000] * 1000 }}}}",
    f"{{% for _ in {LARGE} %}}{{% for _ in {LARGE} %}}{{% endfor %}}{{% endfor %}}",
    f"{{% for _ in [1] recursive %}}{{{{ loop({LARGE}) }}}}{{% endfor %}}",
    f"{LOOPS}{{% set _ = {LARGE} | sort %}}{ENDS}",
    DOUBLING % ("'x'", "all.it ~ all.it"),
    DOUBLING % ("[1]", "all.it + all.it"),
    DOUBLING % ("3", "all.it * all.it"),
    DOUBLING % ("'x'", "[all.it, all.it] | join"),
    "{% set all = namespace(it='x') %}{% for _ in range(100) %}{% set it %}{{ all.it }}{{ all.it }}{% endset %}"
    "{% set all.it = it %}{% endfor %}",
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ 1 }}" + "x" * LONGEST_TEMPLATE,
]


@pytest.mark.parametrize("template", ENDLESS, ids=lambda template: template[:60])
def test_rendering_ends_soon(template: str) -> None:
    started = time.monotonic()
    with pytest.raises(TemplateFailed):
        render(ENVIRONMENT, template, {})
    assert time.monotonic() - started < 5 * MOST_SECONDS


ORDINARY = [
    "{% for n in [3, 1, 2] %}{{ loop.index }}/{{ loop.length }}:{{ n }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for n in range(9) if n is odd %}{{ n }}{% endfor %}{% for n in missing %}{% else %}none{% endfor %}",
    "{% for name, value in {'a': 1, 'b': [2]}.items() %}{{ name }}={{ value }} {% endfor %}",
    "{% for n in [1, [2, [3]]] recursive %}{{ loop(n) if n is iterable else n }}{% endfor %}",
    "{{ 1 ~ 'a' ~ none ~ missing ~ {'a': '<'} | tojson }} {{ 1 + 2 }} {{ [1] + [2] }} {{ 'a' + 'b' }}",
    "{{ 'a b' | replace(' ', '-') | upper | center(9) }} {{ 'x\ny' | indent(4) }} {{ 'a\tb'.expandtabs(4) }}",
    "{{ [3, 1, 2] | sort | map('string') | join(', ') }} {{ [1, 2, 3] | batch(2, 0) | list }}",
    "{{ [{'n': 1}, {'n': 2}] | groupby('n') | map(attribute='grouper') | list }} {{ [1, 2, 3] | slice(2) | list }}",
    "{{ 1700000000 | filesizeformat }} {{ 2.345 | round(2) }} {{ '%05d' | format(3) }} {{ '{:>5}'.format(3) }}",
    "{{ 'one two' | truncate(5) }} {{ 'one two' | wordwrap(3) }} {{ missing.a.b | default('none') }}",
    "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice('a') }}{% set x %}{{ twice(1) }}{% endset %}{{ x }}",
]


@pytest.mark.parametrize("template", ORDINARY)
def test_finite_templates_render_as_in_jinja(template: str) -> None:
    plain = ImmutableSandboxedEnvironment(undefined=ENVIRONMENT.undefined)
    assert render(ENVIRONMENT, template, {}) == plain.from_string(template).render()
