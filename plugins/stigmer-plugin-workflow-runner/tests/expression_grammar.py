"""Random expressions and inputs, of all of jq that workflows may use."""

from __future__ import annotations

import json

NAMES = ["a", "b", "c"]
SCALARS = [
    None,
    True,
    False,
    0,
    1,
    2,
    3,
    -1,
    0.5,
    -1.5,
    2.25,
    10,
    100,
    123456789,
    "",
    "a",
    "b",
    "ab",
    "1",
    "a,b",
    "Zürich",
    " x ",
]
ZERO = (
    """length keys add not type tostring first last min max sort unique reverse any all flatten to_entries floor ceil
round values empty tojson abs from_entries keys_unsorted tonumber transpose paths strings numbers trim ltrim rtrim
ascii_downcase ascii_upcase explode implode booleans nulls arrays objects iterables scalars recurse fromjson toboolean
utf8bytelength isvalid infinite nan isinfinite isnan isnormal isfinite finites normals tostream combinations sqrt trunc
fabs exp2 error todate fromdate gmtime mktime @text @json @csv @tsv @html @uri @sh @base64 @base64d @urid
rint nearbyint logb significand frexp modf halfway""".replace("isvalid", "")
    .replace("halfway", "")
    .split()
)
ONE = [
    "map",
    "select",
    "sort_by",
    "group_by",
    "min_by",
    "max_by",
    "unique_by",
    "has",
    "contains",
    "inside",
    "index",
    "rindex",
    "indices",
    "join",
    "split",
    "startswith",
    "endswith",
    "ltrimstr",
    "rtrimstr",
    "trimstr",
    "any",
    "all",
    "first",
    "last",
    "add",
    "map_values",
    "with_entries",
    "isempty",
    "flatten",
    "IN",
    "error",
    "path",
    "paths",
    "del",
    "pick",
    "walk",
    "getpath",
    "delpaths",
    "bsearch",
    "test",
    "match",
    "capture",
    "scan",
    "splits",
    "in",
    "INDEX",
    "nth",
    "truncate_stream",
    "fromstream",
    "format",
]
TWO = ["sub", "gsub", "test", "match", "split", "splits", "scan", "setpath", "any", "all", "IN", "pow", "fmin", "fmax",
       "INDEX", "ldexp", "fmod", "atan2", "capture"]  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//", ",", "|"]
ASSIGNMENTS = ["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="]
PATTERNS = [
    '"a"',
    '"b*"',
    '"[a-b]"',
    '"(?<x>a)|b"',
    '"(a)(b)?"',
    '"^."',
    '".$"',
    '""',
    '"(a|b)+"',
    '"\\\\s"',
    '"\\\\w{1,2}"',
    '"a|ab"',
    '"(?<x>.)(?<y>.)?"',
    '"[^a]+?"',
    '"\\\\b"',
]
FLAGS = ['"g"', '"i"', '"gn"', '"x"', "null", '"p"', '"s"']
FORMS = ['"%Y-%m-%dT%H:%M:%SZ"', '"%A %d %B %Y %j %U %W %V %G %u %w"', '"%I:%M %p %e %y %C %D %T %s"']


class Grammar:
    """Draws from a `random.Random`."""

    def __init__(self, random) -> None:
        self.random = random
        self.variables: list[str] = []
        self.functions: list[str] = []

    def value(self, depth=3):
        """Return an input."""
        kind = self.random.random()
        if depth == 0 or kind < 0.3:
            return self.random.choice(SCALARS)
        count = self.random.randrange(4)
        if kind < 0.65:
            return [self.value(depth - 1) for _ in range(count)]
        return {name: self.value(depth - 1) for name in self.random.sample(NAMES, min(count, 3))}

    def expression(self, depth=4) -> str:
        """Return an expression."""
        if depth <= 0 or self.random.random() < 0.1:
            return self.leaf()
        return self.random.choice(_FORMS)(self, depth - 1)

    def term(self, depth) -> str:
        """Return an expression in parentheses."""
        return f"({self.expression(depth)})"

    def leaf(self) -> str:
        """Return an expression without parts."""
        kind = self.random.random()
        if kind < 0.35:
            return self.random.choice([".", "..", ".a", ".b", ".[0]", ".[]?", ".[]", ".a.b", ".a?", ".[1:]", ".[-1]"])
        if kind < 0.6:
            return json.dumps(self.random.choice(SCALARS), ensure_ascii=False)
        if kind < 0.7 and self.variables:
            return self.random.choice(self.variables)
        if kind < 0.8 and self.functions:
            return self.random.choice(self.functions)
        return self.random.choice(ZERO)

    def path(self, depth) -> str:
        """Return an expression that usually makes paths."""
        pick = self.random.choice
        simple = [
            ".",
            ".a",
            ".b",
            ".[0]",
            ".[]?",
            ".a.b",
            ".[-1]",
            ".[0].a",
            ".[1:]",
            "..",
            ".[]",
            "first",
            "last",
            'getpath(["a"])',
        ]
        if depth <= 0 or self.random.random() < 0.4:
            return pick(simple)
        inner = self.path(depth - 1)
        return pick([
            f"{inner} | {self.path(depth - 1)}", f"({inner}, {pick(simple)})", f"({inner} // {pick(simple)})",
            f"{inner} | select({self.expression(1)})", f"if {self.expression(1)} then {inner} else {pick(simple)} end",
            f"first({inner})", f"limit(1; {inner})", f"({inner})?",
            f"recurse({pick(simple[1:8])}?; . != null and . != [])",
            f"({inner} as $p | {pick(simple)})", f"nth(1; {inner})", f"skip(1; {inner})",
            f"({inner})[{self.expression(0)}]",
            f"try ({inner}) catch .", f"label $l | {inner} | (., break $l)", f"reduce ({inner}) as $p (.; .)",
            f"foreach ({inner}) as $p (0; 1; $p)", f"(def p: {inner}; p)", f"(def p(f): f; p({inner}))",
            f"{inner} | arrays",
        ])  # fmt: skip

    def bound(self, names, make) -> str:
        """Return what is made while more variables are known."""
        self.variables += names
        try:
            return make()
        finally:
            del self.variables[len(self.variables) - len(names) :]

    def pattern(self) -> tuple[str, list[str]]:
        """Return a pattern and the variables it binds."""
        return self.random.choice([
            ("$x", ["$x"]), ("$y", ["$y"]), ("[$x, $y]", ["$x", "$y"]), ("{a: $x}", ["$x"]),
            ("{$a, b: [$y]}", ["$a", "$y"]),
            ("{$a: [$x]}", ["$a", "$x"]), ('{("a", "b"): $x}', ["$x"]), ("[$x] ?// $x", ["$x"]),
            ("{$a} ?// [$a] ?// $a", ["$a"]), ('{"a": $x}', ["$x"]), ("[[$x]]", ["$x"]),
        ])  # fmt: skip


def _binding(g, depth):
    pattern, names = g.pattern()
    body = g.bound(names, lambda: g.expression(depth))
    return f"({g.term(depth)} as {pattern} | {body})"


def _reduce(g, depth):
    pattern, names = g.pattern()
    return f"reduce {g.term(depth)} as {pattern} ({g.expression(depth)}; {g.bound(names, lambda: g.expression(depth))})"


def _foreach(g, depth):
    pattern, names = g.pattern()
    update = g.bound(names, lambda: g.expression(depth))
    extract = g.bound(names, lambda: g.random.choice(["", f"; {g.expression(depth - 1)}"]))
    return f"[limit(20; foreach {g.term(depth)} as {pattern} ({g.expression(0)}; {update}{extract}))]"


def _definition(g, depth):
    kind = g.random.randrange(4)
    if kind == 0:
        g.functions.append("f")
        try:
            return f"(def f: {_closed(g, depth)}; {g.expression(depth)})"
        finally:
            g.functions.pop()
    if kind == 1:
        return f"(def g(f): f | (., {g.expression(0)} | f); g({g.expression(depth)}))"
    if kind == 2:
        body = g.bound(["$v"], lambda: _closed(g, depth))
        return f"(def h($v; $w): [$v, $w, {body}]; h({g.expression(depth)}; {g.expression(0)}))"
    return f'(def r: if type == "array" then (.[] | r) else {_closed(g, 1)} end; {g.term(depth)} | r)'


def _closed(g, depth):
    functions, g.functions = g.functions, []
    try:
        return g.expression(depth)
    finally:
        g.functions = functions


def _loop(g, depth):
    e = g.expression
    return g.random.choice([
        lambda: f"[limit(3; repeat(({e(depth)}), 1))]",
        lambda: '[.[]? | until(. > 3 or type != "number"; . + 1)]',
        lambda: f"[limit(5; {g.term(depth)} | while(. != null; {e(0)}))]",
        lambda: f"[limit(5; recurse({e(1)}))]",
        lambda: f"[range({g.random.randrange(4)}; {g.random.randrange(6)}; {g.random.choice([1, 2, -1, 0.5])})]",
        lambda: f"limit({g.random.choice(['0', '1', '2', '(1, 2)', '-1'])}; {e(depth)})",
        lambda: f"skip({g.random.choice(['0', '1', '2', '(1, 2)', '-1'])}; {e(depth)})",
        lambda: f"nth({g.random.choice(['0', '1', '2', '-1'])}; {e(depth)})",
        lambda: f"[label $out | {e(depth)} | if . == {e(0)} then ., break $out else . end]",
        lambda: f"walk({e(1)})",
        lambda: "[tostream] | fromstream(.[])",
        lambda: f"JOIN({e(1)}; {e(1)} | tostring)",
    ])()  # fmt: skip


def _date(g, _depth):
    number = g.random.choice([0, 1425599621, -86400, 951782400, 1e10, 1735689599.5, 1230768000])
    form = g.random.choice(FORMS)
    return g.random.choice([
        f"{number} | strftime({form})", f"{number} | gmtime", f"{number} | todate", f"{number} | gmtime | mktime",
        f'{number} | todate | strptime("%Y-%m-%dT%H:%M:%SZ")', f"{number} | todate | fromdate",
        '"10:11 5 Mar 2020" | strptime("%H:%M %d %b %Y") | mktime', "[2024, 13, 31, 25, 61, 0, 0, 0] | mktime",
    ])  # fmt: skip


def _regex(g, depth):
    pattern, flags = g.random.choice(PATTERNS), g.random.choice(FLAGS)
    text = g.random.choice([".", ".a", '"abab"', '"a b ab"', '"x ab a"', "tostring"])
    name = g.random.choice(["test", "match", "capture", "scan", "splits", "split"])
    if g.random.random() < 0.4:
        name = g.random.choice(["sub", "gsub"])
        made = g.random.choice([".x", '"z"', "(.x, 1 | tostring)", g.expression(1)])
        return f"[{text} | {name}({pattern}; {made})]"
    return f"[{text} | {name}({pattern}; {flags})]"


_FORMS = [
    *[lambda g, d: f"({g.expression(d)} {g.random.choice(OPERATORS)} {g.expression(d)})"] * 3,
    lambda g, d: f"{g.term(d)} {g.random.choice(OPERATORS)} {g.term(d)}",
    *[lambda g, d: f"{g.random.choice(ONE)}({g.expression(d)})"] * 3,
    lambda g, d: f"{g.random.choice(TWO)}({g.expression(d)}; {g.expression(d)})",
    lambda g, d: f"{g.term(d)} | {g.expression(d)}",
    lambda g, d: f"{g.term(d)}.{g.random.choice(NAMES)}",
    lambda g, d: f"{g.term(d)}[{g.expression(d)}]",
    lambda g, d: f"{g.term(d)}[{g.expression(d - 1)}:{g.expression(d - 1)}]",
    lambda g, d: f"{g.term(d)}[]",
    lambda g, d: f"{g.term(d)}?",
    lambda g, d: f"[{g.expression(d)}]",
    lambda g, d: f'{{a: {g.term(d)}, ("b", "c"): {g.expression(d)}, $__loc__}}',
    lambda g, d: (
        f"if {g.expression(d)} then {g.expression(d)} elif {g.expression(0)} then {g.leaf()} else {g.leaf()} end"
    ),
    lambda g, d: f"try {g.term(d)} catch type",
    lambda g, d: f"try error({g.expression(d)}) catch .",
    lambda g, d: f'"<\\({g.expression(d)})-\\({g.expression(0)})>"',
    lambda g, d: f'@{g.random.choice(["json", "html", "uri", "sh", "base64", "csv"])} "<\\({g.expression(d)})>"',
    lambda g, d: f"-{g.term(d)}",
    *[lambda g, d: f"({g.path(2)}) {g.random.choice(ASSIGNMENTS)} {g.term(d)}"] * 3,
    *[lambda g, _: f"[path({g.path(3)})]"] * 2,
    lambda g, _: f"del({g.path(2)})",
    lambda g, _: f"pick({g.path(2)})",
    lambda g, _: f"[paths({g.expression(1)})]",
    *[_binding, _reduce, _foreach, _definition] * 2,
    *[_loop, _regex] * 2,
    _date,
]
