Feature: For each
  As an author of workflows of the API
  I want its loops to go several items at a time and to go on after errors
  So that a long list takes no longer than it has to

  Scenario: The Output Is A List In The Order Of The Items
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: the-output-is-a-list-in-the-order-of-the-items
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - slow: {wait: '${ {milliseconds: (50 - $item * 10)} }'}
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 2}, {n: 3}, {n: 4}]
    """

  Scenario: One At A Time
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: one-at-a-time
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 1}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 2}, {n: 3}, {n: 4}]
    """
    And note should run last

  Scenario: Each Iteration Gets The Input Of The Loop
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: each-iteration-gets-the-input-of-the-loop
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - sum: {set: '${ .base + $item }'}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 2}
    """
    And given the workflow input is:
    """yaml
    base: 10
    items: [1, 2, 3]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [11, 12, 13]
    """

  Scenario: Tasks Of An Iteration Follow Each Other
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: tasks-of-an-iteration-follow-each-other
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - first: {set: {x: '${ $item * 2 }'}}
            - second: {set: {x: '${ .x + 1 }', at: '${ $index }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 3}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - {x: 3, at: 0}
    - {x: 5, at: 1}
    - {x: 7, at: 2}
    - {x: 9, at: 3}
    """

  Scenario: No Items Make An Empty List
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: no-items-make-an-empty-list
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4}
    """
    And given the workflow input is:
    """yaml
    items: []
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    []
    """

  Scenario: What Is No List Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: what-is-no-list-faults
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4}
    """
    And given the workflow input is:
    """yaml
    items: many
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    instance: /do/0/each
    """

  Scenario: A Batch Ends Before The Next One Begins
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-batch-ends-before-the-next-one-begins
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - slow: {wait: '${ {milliseconds: ($item * 5)} }'}
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4, batchSize: 2}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 2}, {n: 3}, {n: 4}]
    """

  Scenario: The First Error Fails The Loop
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: the-first-error-fails-the-loop
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - fails:
                if: $item == 2
                raise: {error: {type: https://example.com/errors/two, status: 422, title: Two, detail: It is two}}
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/errors/two
    status: 422
    title: Two
    detail: It is two
    instance: /do/0/each/do/0/fails
    """

  Scenario: Errors Are In The Output
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: errors-are-in-the-output
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - fails:
                if: $item == 2
                raise: {error: {type: https://example.com/errors/two, status: 422, title: Two, detail: It is two}}
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 2, onError: continue}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - {n: 1}
    - __error: {type: https://example.com/errors/two, status: 422, title: Two, detail: It is two, instance: /do/0/each/do/0/fails}
      __index: 1
    - {n: 3}
    - {n: 4}
    """

  Scenario: Errors Leave Nothing In The Output
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: errors-leave-nothing-in-the-output
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - fails:
                if: $item == 2
                raise: {error: {type: https://example.com/errors/two, status: 422, title: Two, detail: It is two}}
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 2, onError: skip}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 3}, {n: 4}]
    """

  Scenario: Errors Leave Nothing One At A Time
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: errors-leave-nothing-one-at-a-time
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - fails:
                if: $item == 2
                raise: {error: {type: https://example.com/errors/two, status: 422, title: Two, detail: It is two}}
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {onError: skip}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 3}, {n: 4}]
    """

  Scenario: A Try Inside Catches First
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-try-inside-catches-first
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - safe:
                try:
                  - fails:
                      if: $item == 2
                      raise: {error: {type: https://example.com/errors/two, status: 422, title: Two, detail: It is two}}
                  - note: {set: {n: '${ $item }'}}
                catch: {do: [{caught: {set: {n: '${ $error.status }'}}}]}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 2, onError: skip}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 422}, {n: 3}, {n: 4}]
    """

  Scenario: Exit Ends An Iteration
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: exit-ends-an-iteration
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - leave: {set: {n: '${ $item }'}, then: exit}
            - never: {raise: {error: {type: https://example.com/never, status: 500, title: never}}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 1}, {n: 2}, {n: 3}, {n: 4}]
    """

  Scenario: Go Back Inside An Iteration
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: go-back-inside-an-iteration
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - add: {set: {n: '${ (.n // 0) + $item }'}}
            - again: {switch: [{small: {when: .n < 4, then: add}}]}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 2}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{n: 4}, {n: 4}, {n: 6}, {n: 4}]
    """

  Scenario: A Loop In A Loop
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-loop-in-a-loop
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - inner:
                for: {each: letter, in: '["a", "b"]'}
                do: [{pair: {set: '${ $letter + ($item | tostring) }'}}]
                metadata: {stigmer.ai/for-each: {maxParallelism: 2}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 2}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [[a1, b1], [a2, b2]]
    """

  Scenario: The Output Of The Loop Is Transformed
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: the-output-of-the-loop-is-transformed
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - note: {set: {n: '${ $item }'}}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 4}
          output: {as: 'map(.n) | add'}
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    10
    """

  Scenario: Calls Side By Side
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: calls-side-by-side
      version: '1.0.0'
    do:
      - each:
          for: {in: .items}
          do:
            - find:
                call: http
                with: {method: get, endpoint: 'https://petstore.swagger.io/v2/pet/{id}'}
                input: {from: '{id: $item}'}
                output: {as: '{id}'}
          metadata:
            stigmer.ai/for-each: {maxParallelism: 3}
    """
    And given the workflow input is:
    """yaml
    items: [1, 1, 1, 1]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{id: 1}, {id: 1}, {id: 1}, {id: 1}]
    """

  Scenario: A Loop That Fails Is Caught And Undone
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-loop-that-fails-is-caught-and-undone
      version: '1.0.0'
    do:
      - all:
          try:
            - each:
                for: {in: .items}
                do:
                  - book:
                      set: {n: '${ $item }'}
                      metadata:
                        stigmer.ai/compensate:
                          - undo: {set: {undone: '${ .n }'}, export: {as: '{log: (($context.log // []) + [$output.undone])}'}}
                  - check:
                      if: $item == 3
                      raise: {error: {type: https://example.com/errors/three, status: 422, title: Three}}
                metadata:
                  stigmer.ai/for-each: {maxParallelism: 1}
          catch:
            do:
              - note: {set: {log: '${ $context.log }', why: '${ $error.title }'}}
          metadata:
            stigmer.ai/compensate: true
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    log: [3, 2, 1]
    why: Three
    """
