"""The functions that are written in jq itself.

Source: jq manual, "Builtin operators and functions", version 1.8; the last group is of other versions.
"""

from __future__ import annotations

import re

_SOURCE = r"""
def nth($n): .[$n];
def paths(f): path(recurse | select(f)) | select(length > 0);
def finites: select(isfinite);
def normals: select(isnormal);
def toarray: if type == "array" then . else [.] end;
def leaf_paths: paths(scalars);
def recurse_down: recurse;
def combinations: if length == 0 then [] else .[0][] as $first | (.[1:] | combinations) as $rest |
    [$first] + $rest end;
def combinations(n): . as $all | [range(n) | $all] | combinations;
def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;
def pick(f): . as $all | reduce path(f) as $path (null; setpath($path; $all | getpath($path)));
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): {x: null, e: false} as $init | foreach f as $i ($init; if .e then $init else . end |
    if $i | length == 2 then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0];
    $i[1]) else setpath(["e"]; $i[0] | length == 1) end; if .e then .x else empty end);
def truncate_stream(f): . as $n | null | f | . as $event | if (.[0] | length) > $n then setpath([0];
    $event[0][$n:]) else empty end;
def IN(source; f): any(source == f; .);
def INDEX(source; f): reduce source as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);
def JOIN($index; f): [.[] | [., $index[f]]];
def JOIN($index; source; f): source | [., $index[f]];
def JOIN($index; source; f; join): source | [., $index[f]] | join;
def match(re; flags): _match(re; flags; false) | .[];
def match($val): _pattern($val) as [$re, $flags] | match($re; $flags);
def test(re; flags): _match(re; flags; true);
def test($val): _pattern($val) as [$re, $flags] | test($re; $flags);
def _pattern($val): ($val | type) as $type |
    if $type == "string" then [$val, null] elif $type == "array" and ($val |
    length) > 0 then [$val[0], $val[1]] else error($type + " not a string or array") end;
def _named: reduce (.captures[] | select(.name != null)) as $capture ({}; .[$capture.name] = $capture.string);
def capture(re; flags): match(re; flags) | _named;
def capture($val): match($val) | _named;
def scan($re; $flags): match($re; "g" + $flags) | if .captures |
    length > 0 then [.captures[].string] else .string end;
def scan($re): scan($re; null);
def splits($re; $flags): .[foreach (match($re; $flags + "g"), null) as {$offset, $length} (null;
    {start: .next, end: $offset, next: ($offset + $length)})];
def splits($re): splits($re; null);
def split($re; $flags): [splits($re; $flags)];
def sub($re; s; $flags): . as $in | (reduce match($re; $flags) as $edit ({result: [], previous: 0};
    $in[.previous : $edit.offset] as $gap | [$edit | _named | s] as $inserts | reduce range(0; $inserts |
    length) as $at (.; .result[$at] += $gap + $inserts[$at]) | .previous = $edit.offset + $edit.length) |
    .result[] + $in[.previous:]) // $in;
def sub($re; s): sub($re; s; "");
def gsub($re; s; flags): sub($re; s; flags + "g");
def gsub($re; s): sub($re; s; "g");
def ascii: [.] | implode;
def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdate: fromdateiso8601;
def todate: todateiso8601;
def date: todate;
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;
"""

_HEAD = re.compile(r"def (\w+)(?:\(([^)]*)\))?:")


def _definitions() -> dict[tuple[str, int], str]:
    found = {}
    for definition in re.split(r"\n(?=def )", _SOURCE.strip()):
        match = _HEAD.match(definition)
        if match is not None:
            found[match[1], len(match[2].split(";")) if match[2] else 0] = definition
    return found


PRELUDE = _definitions()
