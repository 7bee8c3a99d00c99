{a: 1 + 2}
[(1,2)+(10,20)]
{a:(1,2), b:(3,4)}
"abc"*0
"abc"*0.5
"abc" * 1.5
"abc"*-1
0*"abc"
[limit(-1;1,2)]
[range(0;3;0)]|length
5%-2
-5%2
5.9%2.1
"1 "|tonumber
[.[]?]
{a:1}|.[0]
[1]|.["a"]
null|.[0]
[1,2,3]|.[1.7]
[1,2,3]|.[:2.1]
"abc"|.[1:]
"abc"|.[0]
[1,2]|.[-5]
reduce (1,2) as $x (0; empty)
reduce (1,2) as $x (0; ., .+$x)
[1,2]|join(",")
[1,null,true]|join("-")
[[1]]|join("-")
[]|join(",")
[]|add
{}|add
null|add
"a"|length
true|length
-5|length
[1,[2]]|flatten
[1,[2,[3]]]|flatten(1)
"abc"|contains("b")
"a,b"|split(",")
""|split(",")
"abc"|split("")
"aXbX"|index("X")
"a"|index("z")
[1,2,1]|index(1)
[1,2,1,2]|index([1,2])
null|index(1)
[]|first
[]|last
[]|min
{}|keys
null|keys
null|not
[1,2]-[2]
{a:{b:1}}*{a:{c:2}}
1 as $x|2 as $y|$x+$y
1e1000
1/0
1/3
[3,1]|sort_by(.)
[]|any
null|any
"abc"|test("B";"i")
to_entries
{a:1}|to_entries
[["a",1]]|from_entries
[{"name":"a","value":1}]|from_entries
[{"k":1,"v":2}]|from_entries
[{"key":null}]|from_entries
[{"key":false}]|from_entries
1|tostring
[1,2]|has(5)
[1,2]|has(-1)
{a:1}|has(0)
[range(3)]
[range(2;0)]
range(1;2.5)
range(0;1;0.3)
[first(range(5))]
first(empty)
-(1,2)
-.a
..
[..]
try error("x") catch .
error(null)
try error(null) catch .
"x"|ltrimstr(1)
1|ltrimstr("x")
[1,2,3]|.[1:][0]
"a" as $x|{$x}
{"a b"}
{"a":1}|{"a"}
{(1,"a"):2}
null+null
1+null
{}+1
[1]|inside([1,2])
[[1,2],[3]]|.[][0]
.a.b.c
.a[1]?
[1,2]|.[0,1]
1,2|.+1
1 // 2
null // 2
(null,false) // 3
(1,null,2) // 3
empty // 4
error("x") // 5
(1,error("x")) // 5
if . then 1 end
if (true,false) then 1 else 2 end
[true,false|not]
true and (true,false)
(true,false) or (false,true)
9007199254740993
9007199254740993+0
3.0
3.10
{}|min
[{"a":1},{"a":1,"b":2}]|max_by(.a)
[{"a":1},{"a":1,"b":2}]|min_by(.a)
[1,2]|tojson|fromjson
1|abs
-1.5|abs
"x"|abs
1.5|round
-1.5|round
2.5|round
"a"|ascii_downcase
"É"|ascii_downcase
[3,1,2]|unique
[1,1]|group_by(.)
limit(1;1,2)
limit(0;1,2)
{a:1}|map(.+1)
null|map(.)
[1]|paths
{"a":[1]}|[paths]
[1,[2]]|getpath([1,0])
null|getpath(["a"])
"abc"|ltrimstr("a")
[1,2]|values
[null,1]|map(values)
[1,2,3]|IN(2)
"abc"|startswith(1)
" a "|trim
[1]|.[null]
{a:1}|.[null]
null|.[null]
null|.["a"]
[]|.[[]]
1|-.
1 - -1
1 -1
..|numbers
true|tonumber
[1,2]|implode
"a"|explode
0.1+0.2
1e17
1.5e300*1e300
{"a":1} == {"a":1.0}
[true]==[1]
[]<{}
"a"<"b"
{"a":2}<{"b":1}
{"a":2}<{"a":1}
"\u00e9"|length
"a\nb"
1 == 1 == 1
.[0]?
"abc" | .[0:2]
{a:1|2}
{a:1//2}
{a:1,b:2|3}
{if:1}
{a:1 and 2}
.and
{"x":1}.x
[1][0]
try error catch .
[limit(2;1,2,error("x"))]
[{"k":"a","v":2}]|from_entries
[{"Key":"a","Value":2}]|from_entries
[{"K":"a","V":2}]|from_entries
[{"Name":"a","Value":2}]|from_entries
[{"name":"a","value":null}]|from_entries
[{"key":"a","value":false}]|from_entries
[{"key":1}]|from_entries
"a".b?
[1,2,3]|first(.[])
[{}]|sort_by(.a,.b)
[[1,2],[3,4]]|min_by(.[0])
[3,[1]]|sort
{"a":1}|has("a","b")
["a","b"]|join(",",";")
null|ascii_downcase
{}|tojson
[1,null]|tostring
"x" - "y"
{}-{}
4/2
"a,b"/","
[1,2]|any(.>1)
any([1,2][];.>1)
isempty(empty)
[1,[2]]|flatten(-1)
"abcb"|[indices("b")]
null|indices("b")
[1]|indices(1)
[]|indices([])
"a"|indices("")
[1,2,3]|nth(1)
nth(1;1,2,3)
nth(5;1,2,3)
"1"|tonumber
"0x1"|tonumber
"1e2"|tonumber
"-1.50"|tonumber
""|tonumber
"."|tonumber
"1."|tonumber
".5"|tonumber
"+1"|tonumber
"[1"|fromjson
""|fromjson
"1 2"|fromjson
"{a:1}"|fromjson
[1,2]|contains([1])
"a"|contains(1)
{a:{b:1}}|contains({a:{}})
1|contains(1)
null|contains(null)
true|contains(true)
["ab"]|contains(["a"])
[[1,2]]|transpose
{a:1}|map_values(empty)
[1,2]|map_values(.+1)
{a:1}|map_values(1,2)
[1,null]|add
add(1,2)
[2,1]|keys
{b:1,a:2}|keys_unsorted
"é"|utf8bytelength
[1]|utf8bytelength
[1,[2,{a:3}]]|[..]
4|sqrt
1.2|ceil
"a"|floor
[1,2][1:]|.[0]
"abc"|ltrimstr("x")
[1]|.[1e300]
[1,2,3]|.[-2:]
[1,2,3]|.["a":]
{} * 2
[]*2
null*1
true and null
[][0]
"ab"|explode|implode
[1,2]|reverse
null|reverse
{}|reverse
1|reverse
[{"a":1}]|group_by(.a)|length
[1,2]|unique_by(.%2)
try (1,error("x"),3) catch .
[(1,error("x"),3)?]
1 as $x | [$x,$x+1]
"\(1,2)-\(3,4)"
1|IN(1,2)
[1,2]|has("a")
[1]|has(0.5)
"a"|has(0)
{"a":[1,2]}|.a[]
[1,2]|range(.[0];.[1])
[range(0,1;3,4)]
[range(5;0;-2)]
[true,null,1,"a",[],{}]|map(type)
[1,[2,[3]]]|flatten(0)
"a b c"|ascii_upcase
first
[[]]|first|first
limit(1;error("x"))
-1 as $x | 1
1 - 1 as $x | $x
[1,2] - 1 as $x | $x
1 + 2 as $x | $x * 2
1, 2 as $x | [$x]
1 // 2 as $x | [$x]
1 | 2 as $x | [$x, .]
reduce .[]? as $x (0;1) | 2
if empty then 1 else 2 end
"a" as $x | "b" as $y | {$x,$y,($x):$y}
{"\(1)":2}
{a:1}["a"]
{"a":{"b":2}} | .a["b"]
.["a"]["b"]
.a."b"
."a"."b".c
.a.[0]
[.]|.[].a
1|try .a catch "no"
1|(.a)?
{a:-1}
.a-1
1*-1
null|length
{}|length
[.[]?,1][0]
"x" as $k | {a:{x:1}} | .a[$k]
[{a:1},{a:2}]|map(select(.a>1))
{a:[1,2,3]}|.a|length as $n|map(.*$n)
[1,2,3]|add/length
[3,1,2]|sort|.[0]
{"a":null}|.a//"d"
[0,false,null]|map(.//1)
[1,[],{},"a",null,true]|sort
{a:1,b:2}|with_entries({key:.key,value:(.value+1)})
{a:1}|to_entries[0].key
"test"|test("^t.*t$")
[1,2,3,4]|.[1:3]
[1,2,3]|index(2)
{a:1}+{b:2}
{} | .a + ["x"]
1 as $x | 2 as $x | $x
[limit(3;range(10))]
[1,2,3] | all(.>0)
all
[]|all
{a:{}}|.a.b.c//"none"
if 1==1 then "y" elif 2 then "z" else "w" end
[.]|tojson
"a" < 1
null < false
[1,2] < [1,3]
[1] == [1.0]
{"a":[1,{"b":2}]} == {"a":[1,{"b":2}]}
1 != 1
"abc"|rtrimstr("c")
"abc"|endswith("c")
[{"a":2},{"a":1}]|sort_by(.a)
[{"a":2},{"a":1}]|sort_by(-.a)
"\("a"|ascii_upcase)!"
"a" + "b" * 2
2 * 3 + 4 * 5
10 / 4
7 % 3
1 - 2 - 3
