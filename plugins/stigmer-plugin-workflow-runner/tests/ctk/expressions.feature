Feature: Expressions
  All of jq that needs no clock, no environment and no streams, with a bound on time and memory.

  Scenario: Functions With Closures And Recursion
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: functions-with-closures-and-recursion
      version: '1.0.0'
    do:
      - made:
          set:
            factorial: '${ def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; .n | fac }'
            sum: '${ def total: .v + ([.kids[] | total] | add // 0); .tree | total }'
            twice: '${ def twice(f): f | f; .n | twice(. * 2) }'
    """
    And given the workflow input is:
    """yaml
    {n: 5, tree: {v: 1, kids: [{v: 2, kids: []}, {v: 3, kids: [{v: 4, kids: []}]}]}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    factorial: 120
    sum: 10
    twice: 20
    """

  Scenario: Reduce And Foreach
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: reduce-and-foreach
      version: '1.0.0'
    do:
      - made:
          set:
            total: '${ reduce .items[] as $x (0; . + $x) }'
            running: '${ [foreach .items[] as $x (0; . + $x)] }'
            pairs: '${ [foreach .items[] as $x (0; . + 1; [., $x])] }'
    """
    And given the workflow input is:
    """yaml
    {items: [3, 1, 2]}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    total: 6
    running: [3, 4, 6]
    pairs: [[1, 3], [2, 1], [3, 2]]
    """

  Scenario: Destructuring
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: destructuring
      version: '1.0.0'
    do:
      - made:
          set:
            parts: '${ .point as [$a, {$x}] | $a + $x }'
            either: '${ [.point, .other | . as [$a] ?// $a | $a] }'
    """
    And given the workflow input is:
    """yaml
    {point: [1, {x: 2}], other: 7}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    parts: 3
    either: [1, 7]
    """

  Scenario: Assignments
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: assignments
      version: '1.0.0'
    do:
      - made:
          set:
            set: '${ .user.name = "Eve" | .user.name }'
            updated: '${ .user.tags |= map(ascii_upcase) | .user.tags }'
            added: '${ .count += 2 | .count *= 10 | .count }'
            default: '${ .missing //= "none" | .missing }'
            deleted: '${ .user.tags[] |= (select(. != "a")) | .user.tags }'
    """
    And given the workflow input is:
    """yaml
    {user: {name: Ada, tags: [a, b]}, count: 1}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    set: "Eve"
    updated: ["A", "B"]
    added: 30
    default: "none"
    deleted: ["b"]
    """

  Scenario: Paths
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: paths
      version: '1.0.0'
    do:
      - made:
          set:
            paths: '${ [paths(type == "number")] }'
            gotten: '${ getpath(["a", 1, "b"]) }'
            put: '${ {} | setpath(["x", 1]; true) }'
            without: '${ del(.a[0], .c) }'
            picked: '${ pick(.a[1].b) }'
    """
    And given the workflow input is:
    """yaml
    {a: [{b: 1}, {b: 2}], c: null}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    paths: [["a", 0, "b"], ["a", 1, "b"]]
    gotten: 2
    put: {"x": [null, true]}
    without: {"a": [{"b": 2}]}
    picked: {"a": [null, {"b": 2}]}
    """

  Scenario: Errors Inside An Expression
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: errors-inside-an-expression
      version: '1.0.0'
    do:
      - made:
          set:
            caught: '${ try (.value + 1) catch "no number" }'
            optional: '${ [.value[]?] }'
            raised: '${ try error({code: 7}) catch .code }'
            first: '${ label $out | (1, 2, 3) | if . > 1 then ., break $out else empty end }'
    """
    And given the workflow input is:
    """yaml
    {value: text}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: "no number"
    optional: []
    raised: 7
    first: 2
    """

  Scenario: Formats
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: formats
      version: '1.0.0'
    do:
      - made:
          set:
            base64: '${ .text | @base64 }'
            decoded: '${ .text | @base64 | @base64d }'
            csv: '${ .row | @csv }'
            url: '${ @uri "https://example.com/?q=\(.text)" }'
            html: '${ @html "<b>\(.text)</b>" }'
            json: '${ @json "row \(.row)" }'
    """
    And given the workflow input is:
    """yaml
    {text: "a b&c", row: [1, "x, y", null]}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    base64: "YSBiJmM="
    decoded: "a b&c"
    csv: "1,\"x, y\","
    url: "https://example.com/?q=a%20b%26c"
    html: "<b>a b&amp;c</b>"
    json: "row [1,\"x, y\",null]"
    """

  Scenario: Regular Expressions
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: regular-expressions
      version: '1.0.0'
    do:
      - made:
          set:
            dates: '${ [.text | scan("\\d+-\\d+-\\d+")] }'
            parts: '${ .text | capture("(?<year>\\d+)-(?<month>\\d+)") }'
            swapped: '${ .text | gsub("(?<y>\\d+)-(?<m>\\d+)-(?<d>\\d+)"; "\(.d).\(.m).\(.y)") }'
            cut: '${ [.text | splits(", *")] }'
            found: '${ .text | test("MAY|05"; "i") }'
    """
    And given the workflow input is:
    """yaml
    {text: "2024-05-17, 2025-01-02"}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    dates: ["2024-05-17", "2025-01-02"]
    parts: {"year": "2024", "month": "05"}
    swapped: "17.05.2024, 02.01.2025"
    cut: ["2024-05-17", "2025-01-02"]
    found: true
    """

  Scenario: Dates Without A Clock
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: dates-without-a-clock
      version: '1.0.0'
    do:
      - made:
          set:
            iso: '${ .at | todate }'
            back: '${ "2015-03-05T23:53:41Z" | fromdate }'
            words: '${ .at | strftime("%A, %d %B %Y") }'
            parsed: '${ "17 May 2024" | strptime("%d %b %Y") | mktime | todate }'
    """
    And given the workflow input is:
    """yaml
    {at: 1425599621}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    iso: "2015-03-05T23:53:41Z"
    back: 1425599621
    words: "Thursday, 05 March 2015"
    parsed: "2024-05-17T00:00:00Z"
    """

  Scenario: Grouping And Tables
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: grouping-and-tables
      version: '1.0.0'
    do:
      - made:
          set:
            totals: '${ .orders | group_by(.who) | map({who: .[0].who, sum: (map(.sum) | add)}) }'
            best: '${ .orders | max_by(.sum).id }'
            index: '${ .orders | INDEX(.id) | keys }'
            streamed: '${ [.orders[0] | tostream] | fromstream(.[]) }'
            walked: '${ .orders | walk(if type == "number" then . * 2 else . end) | .[1] }'
    """
    And given the workflow input is:
    """yaml
    {orders: [{id: 1, who: b, sum: 5}, {id: 2, who: a, sum: 7}, {id: 3, who: b, sum: 1}]}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    totals: [{"who": "a", "sum": 7}, {"who": "b", "sum": 6}]
    best: 2
    index: ["1", "2", "3"]
    streamed: {"id": 1, "who": "b", "sum": 5}
    walked: {"id": 4, "who": "a", "sum": 14}
    """

  Scenario: Bounded Generators
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: bounded-generators
      version: '1.0.0'
    do:
      - made:
          set:
            limited: '${ [limit(3; repeat(1))] }'
            doubled: '${ [.from | while(. < 20; . * 2)] }'
            reached: '${ .from | until(. > 100; . * 3) }'
            skipped: '${ [skip(2; range(5))] }'
            all: '${ [[0, 1] | combinations(2)] | length }'
    """
    And given the workflow input is:
    """yaml
    {from: 1}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    limited: [1, 1, 1]
    doubled: [1, 2, 4, 8, 16]
    reached: 243
    skipped: [2, 3, 4]
    all: 4
    """

  Scenario: Large Integers Keep Their Digits
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: large-integers-keep-their-digits
      version: '1.0.0'
    do:
      - made:
          set:
            id: '${ .id }'
            text: '${ .id | tostring }'
            same: '${ .id == 9007199254740993 }'
            sum: '${ .id + 1 }'
    """
    And given the workflow input is:
    """yaml
    {id: 9007199254740993}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    id: 9007199254740993
    text: "9007199254740993"
    same: true
    sum: 9007199254740992
    """

  Scenario: Endless Recursion Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: endless-recursion-faults
      version: '1.0.0'
    do:
      - made:
          set:
            made: '${ def f: f; f }'
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    """

  Scenario: Endless Generator Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: endless-generator-faults
      version: '1.0.0'
    do:
      - made:
          set:
            made: '${ [range(1e9)] }'
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    """

  Scenario: Value That Doubles Without End Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: value-that-doubles-without-end-faults
      version: '1.0.0'
    do:
      - made:
          set:
            made: '${ reduce range(60) as $i ([1]; [., .]) }'
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    """

  Scenario: Huge String Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: huge-string-faults
      version: '1.0.0'
    do:
      - made:
          set:
            made: '${ "x" * 1e9 }'
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    """

  Scenario: Uncaught Error Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: uncaught-error-faults
      version: '1.0.0'
    do:
      - made:
          set:
            made: '${ error("no") }'
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    """

  Scenario: Loose Mode Takes Bare Paths And Interpolation
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: loose-mode-takes-bare-paths-and-interpolation
      version: '1.0.0'
    evaluate:
      mode: loose
    do:
      - made:
          set:
            bare: '.user.name'
            input: '$input.user.age'
            joined: '${ .user.name } is ${ .user.age }'
            text: 'just .text'
    """
    And given the workflow input is:
    """yaml
    {user: {name: Ada, age: 36}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    bare: "Ada"
    input: 36
    joined: "Ada is 36"
    text: "just .text"
    """

  Scenario: Strict Mode Leaves Them As Text
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: strict-mode-leaves-them-as-text
      version: '1.0.0'
    evaluate:
      mode: strict
    do:
      - made:
          set:
            bare: '.user.name'
            joined: 'Hello ${ .user.name }!'
            inside: '${ "Hello \(.user.name)!" }'
    """
    And given the workflow input is:
    """yaml
    {user: {name: Ada}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    bare: ".user.name"
    joined: "Hello ${ .user.name }!"
    inside: "Hello Ada!"
    """
