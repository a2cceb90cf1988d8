"""Templates of texts that users write, in Jinja's language."""

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_LOOPS, DEEPEST_LOOP = 10, 2
JINJA = ImmutableSandboxedEnvironment()


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
    """How deep loops are nested in a part of a template."""
    return isinstance(node, nodes.For) + max(map(depth, node.iter_child_nodes()), default=0)
