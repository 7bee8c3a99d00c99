Feature: Kinds of task beside the DSL
  As an author of workflows of the API
  I want its kinds of task to validate, to undo and to evaluate like the DSL's own
  So that both are one language

  Scenario: A Value That Is Right Is The Output
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-value-that-is-right-is-the-output
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ .order }
            rules:
              - {name: amount, when: .order.amount > 0, message: must be positive}
    """
    And given the workflow input is:
    """yaml
    order: {amount: 5}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    amount: 5
    """

  Scenario: A Value That Breaks A Rule Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-value-that-breaks-a-rule-faults
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ .order }
            rules:
              - {name: amount, when: .order.amount > 0, message: must be positive}
    """
    And given the workflow input is:
    """yaml
    order: {amount: 0}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    title: Validation Error
    detail: 'amount: must be positive'
    instance: /do/0/check
    """

  Scenario: A Value That Fits Its Schema Is The Output
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-value-that-fits-its-schema-is-the-output
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ . }
            schema: {type: object, required: [id]}
    """
    And given the workflow input is:
    """yaml
    id: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    id: 1
    """

  Scenario: A Value That Does Not Fit Its Schema Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-value-that-does-not-fit-its-schema-faults
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ . }
            schema: {type: object, required: [id]}
    """
    And given the workflow input is:
    """yaml
    other: 1
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/check
    """

  Scenario: A Validation Warns
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-validation-warns
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ .order }
            rules:
              - {name: amount, when: .order.amount > 0, message: must be positive}
            onFail: warn
    """
    And given the workflow input is:
    """yaml
    order: {amount: 0}
    """
    When the workflow is executed
    Then the workflow output should have a 'valid' property with value:
    """yaml
    false
    """
    And the workflow output should have a 'errors' property containing 1 items
    And the workflow output should have a 'value.amount' property with value:
    """yaml
    0
    """

  Scenario: A Validation Branches
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-validation-branches
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ .order }
            rules:
              - {name: amount, when: .order.amount > 0, message: must be positive}
            onFail: branch
            fallback: refuse
      - accept: {set: {accepted: true}, then: end}
      - refuse: {set: {accepted: false}}
    """
    And given the workflow input is:
    """yaml
    order: {amount: 0}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    accepted: false
    """

  Scenario: A Validation That Holds Does Not Branch
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-validation-that-holds-does-not-branch
      version: '1.0.0'
    do:
      - check:
          call: stigmer:validate
          with:
            input: ${ .order }
            rules:
              - {name: amount, when: .order.amount > 0, message: must be positive}
            onFail: branch
            fallback: refuse
      - accept: {set: {accepted: true}, then: end}
      - refuse: {set: {accepted: false}}
    """
    And given the workflow input is:
    """yaml
    order: {amount: 1}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    accepted: true
    """

  Scenario: A Validation Is Caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-validation-is-caught
      version: '1.0.0'
    do:
      - careful:
          try:
            - check:
                call: stigmer:validate
                with: {rules: [{name: n, when: '.n == 1'}]}
          catch:
            errors: {with: {type: https://serverlessworkflow.io/spec/1.0.0/errors/validation}}
            do:
              - note: {set: {caught: '${ $error.status }'}}
    """
    And given the workflow input is:
    """yaml
    n: 2
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: 400
    """

  Scenario: A Handler Undoes First The Latest Task First
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-handler-undoes-first-the-latest-task-first
      version: '1.0.0'
    do:
      - trip:
          try:
            - flight:
                set: {booked: flight}
                metadata:
                  stigmer.ai/compensate:
                    - cancelFlight: {set: '${ . }'}
            - hotel:
                set: {booked: hotel}
                metadata:
                  stigmer.ai/compensate:
                    - cancelHotel: {set: '${ . }'}
            - pay:
                raise: {error: {type: 'https://example.com/money', status: 402, title: No money}}
          catch:
            do:
              - apologise: {set: {sorry: '${ $error.title }'}}
          metadata: {stigmer.ai/compensate: true}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sorry: No money
    """
    And cancelHotel should run before cancelFlight
    And cancelFlight should run before apologise
    And cancelHotel should run after pay

  Scenario: A Handler That Does Not Ask Undoes Nothing
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-handler-that-does-not-ask-undoes-nothing
      version: '1.0.0'
    do:
      - trip:
          try:
            - flight:
                set: {booked: flight}
                metadata:
                  stigmer.ai/compensate:
                    - cancelFlight: {set: '${ . }'}
            - hotel:
                set: {booked: hotel}
                metadata:
                  stigmer.ai/compensate:
                    - cancelHotel: {set: '${ . }'}
            - pay:
                raise: {error: {type: 'https://example.com/money', status: 402, title: No money}}
          catch:
            do:
              - apologise: {set: {sorry: '${ $error.title }'}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sorry: No money
    """
    And apologise should run last

  Scenario: A Try That Ends Well Undoes Nothing
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-try-that-ends-well-undoes-nothing
      version: '1.0.0'
    do:
      - trip:
          try:
            - flight:
                set: {booked: flight}
                metadata: {stigmer.ai/compensate: [{cancelFlight: {set: {cancelled: true}}}]}
          catch: {}
          metadata: {stigmer.ai/compensate: true}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    booked: flight
    """
    And flight should run last

  Scenario: An Undo That Fails Fails The Try
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: an-undo-that-fails-fails-the-try
      version: '1.0.0'
    do:
      - trip:
          try:
            - flight:
                set: {booked: flight}
                metadata:
                  stigmer.ai/compensate:
                    - stuck: {raise: {error: {type: 'https://example.com/stuck', status: 500, title: Stuck}}}
            - pay: {raise: {error: {type: 'https://example.com/money', status: 402, title: No money}}}
          catch: {}
          metadata: {stigmer.ai/compensate: true}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/stuck
    status: 500
    title: Stuck
    """

  Scenario: A Model Cannot Be Asked Without A Provider
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-model-cannot-be-asked-without-a-provider
      version: '1.0.0'
    do:
      - ask: {call: 'stigmer:llm', with: {model: small, prompt: Hello}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    instance: /do/0/ask
    """

  Scenario: A Wait Until A Moment In The Past Does Not Wait
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-wait-until-a-moment-in-the-past-does-not-wait
      version: '1.0.0'
    do:
      - wait: {wait: '${ {milliseconds: ([0, 1000 - $task.startedAt.epoch.milliseconds] | max)} }'}
    """
    And given the workflow input is:
    """yaml
    a: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    """

  Scenario: A Template Is One Expression
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-template-is-one-expression
      version: '1.0.0'
    do:
      - greet: {set: {text: '${ "Hello " + ((.name) | tostring) + "!" }'}}
    """
    And given the workflow input is:
    """yaml
    name: 5
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    text: Hello 5!
    """
