Feature: Flow

  Scenario: Wait Passes Its Input On
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: wait-passes, version: '1.0.0' }
    do:
      - a: { set: { n: 1 } }
      - b: { wait: { milliseconds: 5 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 1
    """
    And a should run before b

  Scenario: Timeout Of A Task
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: timeout-task, version: '1.0.0' }
    do:
      - a:
          wait: PT1H
          timeout: { after: { milliseconds: 5 } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    instance: /do/0/a
    """

  Scenario: Timeout Of A List Ends What Is In It
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: timeout-list, version: '1.0.0' }
    do:
      - a:
          do:
            - b: { wait: PT1H }
            - c: { set: { never: true } }
          timeout: { after: { milliseconds: 5 } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    instance: /do/0/a
    """

  Scenario: Timeout Of The Workflow
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: timeout-workflow, version: '1.0.0' }
    timeout: { after: { milliseconds: 5 } }
    do:
      - a: { wait: PT1H }
    """
    When the workflow is executed
    Then the workflow should fault

  Scenario: Timeout Is Caught
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: timeout-caught, version: '1.0.0' }
    do:
      - a:
          try:
            - b:
                wait: PT1H
                timeout: { after: { milliseconds: 5 } }
          catch:
            errors: { with: { status: 408 } }
            as: error
            do:
              - c: { set: { caught: '${ $error.status }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: 408
    """

  Scenario: Retry Until It Works
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: retry-works, version: '1.0.0' }
    do:
      - a:
          try:
            - count:
                set: { n: '${ ($context.n // 0) + 1 }' }
                export: { as: '{ n: .n }' }
            - fail:
                if: $context.n < 3
                raise: { error: { type: 'https://example.com/again', status: 503 } }
          catch:
            retry: { delay: { milliseconds: 1 }, backoff: { exponential: {} }, limit: { attempt: { count: 5 } } }
    output: { as: '{ attempts: $context.n }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    attempts: 3
    """

  Scenario: Retry Is Exhausted
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: retry-exhausted, version: '1.0.0' }
    do:
      - a:
          try:
            - fail: { raise: { error: { type: 'https://example.com/again', status: 503 } } }
          catch:
            retry: { delay: { milliseconds: 1 }, backoff: { linear: {} }, limit: { attempt: { count: 2 } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/again
    status: 503
    instance: /do/0/a/try/0/fail
    """

  Scenario: Retry Of One Error Only
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: retry-when, version: '1.0.0' }
    do:
      - a:
          try:
            - fail: { raise: { error: { type: 'https://example.com/no', status: 400 } } }
          catch:
            as: problem
            retry: { when: '$problem.status == 503', limit: { attempt: { count: 1000 } } }
            do:
              - handled: { set: { status: '${ $problem.status }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    status: 400
    """

  Scenario: An Attempt That Takes Too Long Is Made Again
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: retry-attempt, version: '1.0.0' }
    do:
      - a:
          try:
            - count:
                set: { n: '${ ($context.n // 0) + 1 }' }
                export: { as: '{ n: .n }' }
            - slow:
                if: $context.n < 3
                wait: PT1H
          catch:
            retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 5, duration: { milliseconds: 20 } } } }
    output: { as: '{ attempts: $context.n }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    attempts: 3
    """

  Scenario: What Is Not Meant Passes
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: catch-except, version: '1.0.0' }
    do:
      - a:
          try:
            - fail: { raise: { error: { type: 'https://example.com/no', status: 400 } } }
          catch:
            exceptWhen: $error.status == 400
            do:
              - handled: { set: { never: true } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/no
    status: 400
    instance: /do/0/a/try/0/fail
    """

  Scenario: Export Adds To The Context
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: export-adds, version: '1.0.0' }
    do:
      - a:
          set: { x: 1 }
          export: { as: '$context + { a: .x }' }
      - b:
          set: { x: 2 }
          export: { as: '$context + { b: .x }' }
    output: { as: $context }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    b: 2
    """

  Scenario: Export Sees The Output Before And After
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: export-output, version: '1.0.0' }
    do:
      - a:
          set: { x: 1, y: 2 }
          output: { as: .x }
          export: { as: '{ shown: $output, input: $input }' }
    output: { as: $context }
    """
    And given the workflow input is:
    """yaml
    given: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    shown: 1
    input: { given: true }
    """

  Scenario: The First Branch Wins And The Others Are Cancelled
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: fork-compete, version: '1.0.0' }
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow: { do: [ { long: { wait: PT1H } }, { late: { set: { winner: slow } } } ] }
              - fast: { do: [ { short: { wait: { milliseconds: 1 } } }, { soon: { set: { winner: fast } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    winner: fast
    """

  Scenario: A Fault In A Branch Cancels The Others
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: fork-fault, version: '1.0.0' }
    do:
      - all:
          fork:
            branches:
              - waits: { wait: PT1H }
              - fails: { raise: { error: { type: 'https://example.com/no', status: 409 } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/no
    status: 409
    instance: /do/0/all/fork/branches/1/fails
    """

  Scenario: Backwards Until It Is Done
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: backwards, version: '1.0.0' }
    do:
      - count: { set: { n: '${ (.n // 0) + 1 }' } }
      - again:
          switch:
            - more: { when: .n < 5, then: count }
            - enough: { then: end }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 5
    """

  Scenario: For While
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: for-while, version: '1.0.0' }
    do:
      - sum:
          for: { each: item, in: .items, at: i }
          while: '(.total // 0) < 6'
          do:
            - add: { set: { total: '${ (.total // 0) + $item }', last: '${ $i }' } }
    """
    And given the workflow input is:
    """yaml
    items: [1, 2, 3, 4, 5]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    total: 6
    last: 2
    """

  Scenario: Exit Leaves The List
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: flow, name: exit, version: '1.0.0' }
    do:
      - inner:
          do:
            - a: { set: { at: a }, then: exit }
            - b: { set: { at: b } }
      - after: { set: { came: '${ .at }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    came: a
    """
