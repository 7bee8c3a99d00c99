Feature: Schemas And Reusable Components
  As an implementer of the workflow DSL
  I want schemas to be checked, and what is defined once to be used wherever it is named
  So that workflows stay short and fail early

  Scenario: Input Schema Accepts What Fits
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: input-schema-accepts-what-fits
      version: '1.0.0'
    input:
      schema:
        document:
          type: object
          required: [ name ]
          properties:
            name: { type: string }
    do:
      - greet:
          set: { hello: '${ .name }' }
    """
    And given the workflow input is:
    """yaml
    name: Ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    hello: Ada
    """

  Scenario: Input Schema Refuses What Does Not Fit
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: input-schema-refuses-what-does-not-fit
      version: '1.0.0'
    input:
      schema:
        document:
          type: object
          required: [ name ]
          properties:
            name: { type: string }
    do:
      - greet:
          set: { hello: '${ .name }' }
    """
    And given the workflow input is:
    """yaml
    name: 5
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    title: Validation Error
    detail: 'the input does not fit its schema at /name: the value is not of type "string"'
    """

  Scenario: Task Input Schema Is Checked Before Input From
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: task-input-schema-is-checked-before-input-from
      version: '1.0.0'
    do:
      - double:
          input:
            schema: { document: { required: [ n ] } }
            from: '{ m: .n }'
          set: { x: '${ .m * 2 }' }
    """
    And given the workflow input is:
    """yaml
    n: 2
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 4
    """

  Scenario: Task Input Schema Faults The Task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: task-input-schema-faults-the-task
      version: '1.0.0'
    do:
      - double:
          input:
            schema: { document: { required: [ n ] } }
          set: { x: 1 }
    """
    And given the workflow input is:
    """yaml
    m: 2
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/double
    """

  Scenario: Output Schema Is Checked After Output As
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: output-schema-is-checked-after-output-as
      version: '1.0.0'
    do:
      - a:
          set: { x: 1 }
          output:
            as: .x
            schema: { document: { type: integer } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    1
    """

  Scenario: Output Schema Faults The Task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: output-schema-faults-the-task
      version: '1.0.0'
    do:
      - a:
          set: { x: 1 }
          output:
            schema: { format: json, document: { properties: { x: { type: string } } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/a
    """

  Scenario: Export Schema Is Of The Context
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: export-schema-is-of-the-context
      version: '1.0.0'
    do:
      - a:
          set: { x: 1 }
          export:
            as: '{ seen: .x }'
            schema: { document: { required: [ unseen ] } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/a
    """

  Scenario: Validation Error Can Be Caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: validation-error-can-be-caught
      version: '1.0.0'
    do:
      - attempt:
          try:
            - a:
                set: { x: 1 }
                output:
                  schema: { document: { type: array } }
          catch:
            errors:
              with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/validation }
            do:
              - rescue:
                  set: { caught: '${ $error.status }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: 400
    """

  Scenario: Function Gets Its Arguments As Input
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: function-gets-its-arguments-as-input
      version: '1.0.0'
    use:
      functions:
        greet:
          set: { hello: '${ .name }' }
    do:
      - a:
          call: greet
          with: { name: '${ .who }' }
    """
    And given the workflow input is:
    """yaml
    who: Ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    hello: Ada
    """

  Scenario: Function Without Arguments Gets An Empty Object
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: function-without-arguments-gets-an-empty-object
      version: '1.0.0'
    use:
      functions:
        echo:
          set: { got: '${ . }' }
    do:
      - a:
          call: echo
    """
    And given the workflow input is:
    """yaml
    who: Ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    got: {}
    """

  Scenario: Function With Its Own Input Schema
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: function-with-its-own-input-schema
      version: '1.0.0'
    use:
      functions:
        getPetById:
          input:
            schema:
              document:
                type: object
                properties: { petId: { type: integer } }
                required: [ petId ]
          call: http
          with:
            method: get
            endpoint: https://petstore.swagger.io/v2/pet/{petId}
    do:
      - getPet:
          call: getPetById
          with: { petId: 69 }
          output: { as: .id }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    69
    """

  Scenario: Function Calls A Function In A Loop
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: function-calls-a-function-in-a-loop
      version: '1.0.0'
    use:
      functions:
        greet:
          set: { hello: '${ .name }' }
        twice:
          do:
            - once:
                call: greet
                with: { name: '${ .n * 2 }' }
    do:
      - each:
          for: { in: '[1, 2, 3]' }
          do:
            - a:
                call: twice
                with: { n: '${ $item }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    hello: 6
    """

  Scenario: Fault In A Function Has Its Place In The Document
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: fault-in-a-function-has-its-place-in-the-document
      version: '1.0.0'
    use:
      functions:
        bad:
          raise: { error: { type: 'https://example.com/bad', status: 418 } }
    do:
      - a:
          call: bad
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/bad
    status: 418
    instance: /use/functions/bad
    """

  Scenario: Function Waits
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: function-waits
      version: '1.0.0'
    use:
      functions:
        nap:
          do:
            - doze: { wait: { milliseconds: 5 } }
            - wake: { set: { rested: true } }
    do:
      - a:
          call: nap
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    rested: true
    """

  Scenario: Function That Cannot Be Fetched
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: function-that-cannot-be-fetched
      version: '1.0.0'
    use:
      catalogs:
        mine:
          endpoint: https://petstore.swagger.io/catalog
    do:
      - a:
          call: missing:1.0.0@mine
          with: { x: 1 }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 404
    instance: /do/0/a
    """

  Scenario: Extension Runs Before And After Each Task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: extension-runs-before-and-after-each-task
      version: '1.0.0'
    use:
      extensions:
        - trace:
            extend: all
            before:
              - started:
                  set: { name: '${ $task.name }' }
                  export: { as: '{ log: (($context.log // []) + ["+" + .name]) }' }
            after:
              - ended:
                  set: { name: '${ $task.name }' }
                  export: { as: '{ log: ($context.log + ["-" + .name]) }' }
    do:
      - a:
          set: { x: 1 }
      - b:
          do:
            - c:
                set: { x: '${ .x + 1 }' }
    output:
      as: '{ x: .x, log: $context.log }'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 2
    log: [ +a, -a, +b, +c, -c, -b ]
    """

  Scenario: Extension Answers Instead Of A Call
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: extension-answers-instead-of-a-call
      version: '1.0.0'
    use:
      extensions:
        - mock:
            extend: call
            when: $task.call == "http" and ($task.with.endpoint | startswith("https://mocked.example.com"))
            before:
              - intercept:
                  set: { statusCode: 200, content: { foo: bar } }
                  then: exit
    do:
      - a:
          call: http
          with:
            method: get
            endpoint: https://mocked.example.com/sample
          output: { as: .content }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    foo: bar
    """

  Scenario: Extension Whose Condition Does Not Hold
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: extension-whose-condition-does-not-hold
      version: '1.0.0'
    use:
      extensions:
        - never:
            extend: set
            when: .n > 5
            before:
              - intercept:
                  set: { x: mocked }
                  then: exit
    do:
      - a:
          set: { x: real }
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: real
    """

  Scenario: Extension Of Composites
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: extension-of-composites
      version: '1.0.0'
    use:
      extensions:
        - only:
            extend: composite
            before:
              - intercept:
                  set: { x: mocked }
                  then: exit
    do:
      - a:
          set: { x: real }
      - b:
          do:
            - c:
                set: { x: inner }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: mocked
    """

  Scenario: Retry By Its Name
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: retry-by-its-name
      version: '1.0.0'
    use:
      retries:
        twice:
          limit: { attempt: { count: 2 } }
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
            retry: twice
    output: { as: $context.n }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    3
    """

  Scenario: Timeout By Its Name
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: timeout-by-its-name
      version: '1.0.0'
    use:
      timeouts:
        short: { after: { milliseconds: 5 } }
    do:
      - a:
          wait: PT1H
          timeout: short
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    instance: /do/0/a
    """

  Scenario: Error By Its Name
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: reuse
      name: error-by-its-name
      version: '1.0.0'
    use:
      errors:
        gone: { type: 'https://example.com/gone', status: 410, title: Gone }
    do:
      - a:
          raise: { error: gone }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://example.com/gone
    status: 410
    title: Gone
    instance: /do/0/a
    """
