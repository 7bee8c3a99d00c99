Feature: Events
  As an implementer of the workflow DSL
  I want workflows to emit events and to listen to them
  So that they work together with others

  Scenario: Listen to one event
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - both:
        fork:
          branches:
          - listens: { listen: { to: { one: { with: { type: order } } } } }
          - emits: { emit: { event: { with: { type: order, data: { n: 1 } } } } }
    - result: { set: '${ .[0] }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ n: 1 }]
    """

  Scenario: Listen to an event that came before
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - emits: { emit: { event: { with: { type: order, data: { n: 1 } } } } }
    - listens: { listen: { to: { one: { with: { type: order } } } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ n: 1 }]
    """
    And emits should run before listens

  Scenario: Listen to any of several events
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - first: { emit: { event: { with: { type: other, data: 0 } } } }
    - second: { emit: { event: { with: { type: paid, data: 2 } } } }
    - listens: { listen: { to: { any: [ { with: { type: order } }, { with: { type: paid } } ] } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [2]
    """

  Scenario: Listen to any event at all
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - first: { emit: { event: { with: { type: whatever, data: 1 } } } }
    - listens: { listen: { to: { any: [] } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [1]
    """

  Scenario: Listen to all of several events
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - second: { emit: { event: { with: { type: paid, data: 2 } } } }
    - again: { emit: { event: { with: { type: paid, data: 3 } } } }
    - first: { emit: { event: { with: { type: order, data: 1 } } } }
    - listens: { listen: { to: { all: [ { with: { type: order } }, { with: { type: paid } } ] } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [2, 1]
    """

  Scenario: Listen until a condition holds
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - first: { emit: { event: { with: { type: order, data: 1 } } } }
    - second: { emit: { event: { with: { type: order, data: 2 } } } }
    - third: { emit: { event: { with: { type: order, data: 3 } } } }
    - listens: { listen: { to: { any: [ { with: { type: order } } ], until: '( . | add ) >= 3' } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [1, 2]
    """

  Scenario: Listen until another event
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - first: { emit: { event: { with: { type: order, data: 1 } } } }
    - second: { emit: { event: { with: { type: order, data: 2 } } } }
    - stop: { emit: { event: { with: { type: stop } } } }
    - third: { emit: { event: { with: { type: order, data: 3 } } } }
    - listens: { listen: { to: { any: [ { with: { type: order } } ], until: { one: { with: { type: stop } } } } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [1, 2]
    """

  Scenario: Filter by an expression over the data
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - low: { emit: { event: { with: { type: temperature, data: { celsius: 37 } } } } }
    - high: { emit: { event: { with: { type: temperature, data: { celsius: 39 } } } } }
    - listens:
        listen: { to: { one: { with: { type: temperature, data: '${ .celsius > 38 }' } } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ celsius: 39 }]
    """

  Scenario: Filter by the input
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: 1, subject: a } } } }
    - b: { emit: { event: { with: { type: order, data: 2, subject: b } } } }
    - listens:
        input: { from: $workflow.input }
        listen: { to: { one: { with: { subject: '${ $input.wanted }' } } } }
    """
    And given the workflow input is:
    """yaml
    wanted: b
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [2]
    """

  Scenario: Filter by parts of the data
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: { kind: small, n: 1 } } } } }
    - b: { emit: { event: { with: { type: order, data: { kind: large, n: 2 } } } } }
    - listens: { listen: { to: { one: { with: { data: { kind: large } } } } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ kind: large, n: 2 }]
    """

  Scenario: Correlate with what is expected
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: { customer: 1 } } } } }
    - b: { emit: { event: { with: { type: order, data: { customer: 2 } } } } }
    - listens:
        input: { from: $workflow.input }
        listen:
          to:
            one:
              with: { type: order }
              correlate: { customer: { from: .data.customer, expect: '${ $input.customer }' } }
    """
    And given the workflow input is:
    """yaml
    customer: 2
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ customer: 2 }]
    """

  Scenario: Correlate events with each other
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: { customer: 1 } } } } }
    - b: { emit: { event: { with: { type: paid, data: { customer: 2 } } } } }
    - c: { emit: { event: { with: { type: paid, data: { customer: 1 } } } } }
    - listens:
        listen:
          to:
            all:
            - { with: { type: order }, correlate: { customer: { from: .data.customer } } }
            - { with: { type: paid }, correlate: { customer: { from: .data.customer } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ customer: 1 }, { customer: 1 }]
    """

  Scenario: Read events as envelopes
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: 1, source: 'https://shop.example', id: '7' } } } }
    - listens:
        listen: { to: { one: { with: { type: order } } }, read: envelope }
        output: { as: '.[0] | { id, source, type, data, specversion }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { id: '7', source: 'https://shop.example', type: order, data: 1, specversion: '1.0' }
    """

  Scenario: Work on each event
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: { n: 1 } } } } }
    - b: { emit: { event: { with: { type: order, data: { n: 2 } } } } }
    - listens:
        listen: { to: { any: [ { with: { type: order } } ], until: '( . | length ) == 2' } }
        foreach:
          item: order
          at: place
          do:
          - double: { set: { n: '${ $order.n * 2 }' } }
          - label: { set: { text: '${ "\($place): \(.n)" }' } }
          output: { as: .text }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    ['0: 2', '1: 4']
    """
    And double should run before label

  Scenario: Export from each event
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - a: { emit: { event: { with: { type: order, data: { n: 1 } } } } }
    - b: { emit: { event: { with: { type: order, data: { n: 2 } } } } }
    - listens:
        listen: { to: { any: [ { with: { type: order } } ], until: '$context.sum == 3' } }
        foreach: { item: order, export: { as: '{ sum: (($context.sum // 0) + $order.n) }' } }
    - result: { set: '${ $context }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sum: 3
    """

  Scenario: One event for two branches
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - both:
        fork:
          branches:
          - one: { listen: { to: { one: { with: { type: order } } } } }
          - two: { listen: { to: { one: { with: { type: order } } } } }
          - emits: { emit: { event: { with: { type: order, data: 1 } } } }
    - result: { set: '${ .[:2] }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [[1], [1]]
    """

  Scenario: Listen with a timeout
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - listens:
        listen: { to: { one: { with: { type: never } } } }
        timeout: { after: { milliseconds: 20 } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    instance: /do/0/listens
    """

  Scenario: Catch the timeout of a listener
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - guarded:
        try:
        - listens:
            listen: { to: { one: { with: { type: never } } } }
            timeout: { after: { milliseconds: 20 } }
        catch:
          errors: { with: { status: 408 } }
          do:
          - result: { set: { late: true } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    late: true
    """
    And listens should run before result

  Scenario: An event wins a race against time
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - race:
        fork:
          compete: true
          branches:
          - listens: { listen: { to: { one: { with: { type: order } } } } }
          - waits: { wait: { hours: 1 } }
          - sends: { do: [ { emits: { emit: { event: { with: { type: order, data: 1 } } } } }, { rests: { wait: { hours: 1 } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [1]
    """

  Scenario: Emit an event whose source is given
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - emits: { emit: { event: { with: { type: order, data: { n: 1 }, source: 'https://shop.example' } } } }
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'source' property with value:
    """yaml
    https://shop.example
    """
    And the workflow output should have a 'data' property with value:
    """yaml
    n: 1
    """
    And the workflow output should have properties 'id', 'time', 'specversion'

  Scenario: Emit an event whose source is the workflow
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - emits: { emit: { event: { with: { type: order } } } }
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'source' property with value:
    """yaml
    /test/events/0.1.0
    """

  Scenario: Refuse an event that is none
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - emits: { emit: { event: { with: { type: '${ .type }' } } } }
    """
    And given the workflow input is:
    """yaml
    type: 5
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/emits
    """

  Scenario: Refuse an attribute that no event can have
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - emits: { emit: { event: { with: { type: order, Some_Name: 1 } } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: Text in an event is no expression
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    do:
    - emits: { emit: { event: { with: { type: order, data: '${ .text }' } } } }
    - listens: { listen: { to: { one: { with: { type: order } } } } }
    - result: { set: { text: '${ .[0] }' } }
    """
    And given the workflow input is:
    """yaml
    text: '${ 1 + 1 }'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    text: '${ 1 + 1 }'
    """

  Scenario: A scheduled workflow can be run by hand
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    schedule: { every: { minutes: 5 } }
    do:
    - result: { set: { x: 1 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 1
    """

  Scenario: Refuse a schedule of two kinds
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: test, name: events, version: '0.1.0'}
    schedule: { every: { minutes: 5 }, cron: '0 0 * * *' }
    do:
    - result: { set: { x: 1 } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """
