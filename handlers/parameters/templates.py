"""Templates that users write, in Jinja's language."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from . import template_limits

MOST_LOOPS, DEEPEST_LOOP = 10, 2
LONGEST = 1_000_000  # the maximum number of characters or items that an operator may produce
LONGEST_RANGE = 100
DIGITS = 10_000  # the maximum number of bits of a power or product


class Environment(ImmutableSandboxedEnvironment):
    """A Jinja environment whose operators cannot use up all memory or run for hours."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, **options: Any) -> None:
        super().__init__(finalize=template_limits.spend_output, **options)
        self.globals["range"] = short_range
        self.add_filters(self.filters)
        self.filters |= template_limits.FILTERS

    def add_filters(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        """Add filters that spend units when called."""
        self.filters |= {name: template_limits.limited(name, function) for name, function in filters.items()}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if is_too_large(operator, left, right):
            raise SecurityError(f"the result of {operator} is too large")
        template_limits.spend(template_limits.STEP)
        result = super().call_binop(context, operator, left, right)
        template_limits.spend(template_limits.size_of(result))
        return result

    def call(self, context: Context, called: Any, *arguments: Any, **options: Any) -> Any:
        """Call a function, method or macro of a template."""
        method = getattr(called, "__wrapped__", called)  # the sandbox wraps `format`
        owner = getattr(method, "__self__", None)
        given = [*arguments, *options.values()]
        if isinstance(owner, (str, bytes)):
            template_limits.spend_on(method.__name__, owner, given)
        elif called is DEFAULT_NAMESPACE["lipsum"]:
            template_limits.spend_on("lipsum", "x" * template_limits.STEP, given)
        elif isinstance(called, LoopContext):  # of a recursive loop
            arguments = (template_limits.passes(context, arguments[0]), *arguments[1:]) if arguments else ()
        template_limits.spend(template_limits.STEP)
        result = super().call(context, called, *arguments, **options)
        template_limits.spend(template_limits.size_of(result))
        return result


def short_range(*arguments: int) -> range:
    """A range of at most 100 numbers.

    Raises:
        OverflowError: it has more.
    """
    numbers = range(*arguments)
    if len(numbers) > LONGEST_RANGE:
        raise OverflowError(f"Range too big. The sandbox blocks ranges larger than MAX_TEMPLATE_RANGE={LONGEST_RANGE}.")
    return numbers


def is_too_large(operator: str, left: Any, right: Any) -> bool:
    """Whether the result of `*`, `**` or `%` would take too much memory."""
    if operator == "%":
        return isinstance(left, str) and template_limits.WIDTH.search(left) is not None
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        return operator != "+" and bits > DIGITS
    sizes = [len(value) if hasattr(value, "__len__") else value for value in (left, right)]
    return (
        operator == "*" and any(hasattr(value, "__len__") for value in (left, right)) and sizes[0] * sizes[1] > LONGEST
    )


JINJA = Environment()


def is_template(text: str) -> bool:
    """Whether a text may have something to render."""
    return "{{" in text or "{%" in text


class TemplateFailed(Exception):
    """A template cannot be rendered, because of `cause`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"Failed to render template due to the following error: {cause!r}")
        self.cause = cause


def render(environment: Environment, template: str, context: Mapping[str, Any]) -> str:
    """Render a template.

    Raises:
        TemplateFailed: it cannot be rendered.
    """
    if not is_template(template):
        return template
    try:
        with template_limits.limits_of(template):
            root = template_limits.Counting().visit(environment.parse(template))
            return environment.from_string(root.set_environment(environment)).render(context)
    except Exception as error:
        raise TemplateFailed(error) from error


class InvalidTemplate(Exception):
    """A template cannot be used. `line` is counted from 1, or 0 if the error is about the whole template."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def check_template(template: str) -> None:
    """Check the syntax and the loops of a template.

    Raises:
        InvalidTemplate: it cannot be used.
    """
    try:
        root = JINJA.parse(template)
    except TemplateSyntaxError as error:
        raise InvalidTemplate(error.message or "", error.lineno) from None
    check_loops(root)


def check_loops(root: nodes.Template) -> None:
    """Check the number and the nesting of a template's loops.

    Raises:
        InvalidTemplate: there are too many, or they are nested too deep.
    """
    loops = len(list(root.find_all(nodes.For)))
    if loops > MOST_LOOPS:
        raise InvalidTemplate(f"Contains {loops} for loops. Templates can contain no more than {MOST_LOOPS} for loops.")
    deepest = depth(root)
    if deepest > DEEPEST_LOOP:
        raise InvalidTemplate(
            f"Contains nested for loops at a depth of {deepest}. Templates can nest for loops no more than"
            f" {DEEPEST_LOOP} loops deep."
        )


def depth(node: nodes.Node) -> int:
    """The nesting depth of loops in a part of a template."""
    return isinstance(node, nodes.For) + max(map(depth, node.iter_child_nodes()), default=0)
