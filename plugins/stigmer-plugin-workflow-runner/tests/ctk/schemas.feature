Feature: Fetched Schemas
  As an author
  I want to keep schemas where others keep them
  So that one schema is the truth for all workflows

  Scenario: Fetched Input Schema Accepts What Fits
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-input-schema-accepts-what-fits
      version: '1.0.0'
    input:
      schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
    do:
      - a: { set: { n: '${ .id }' } }
    """
    And given the workflow input is:
    """yaml
    { id: 7 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { n: 7 }
    """

  Scenario: Fetched Input Schema Refuses What Does Not Fit
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-input-schema-refuses-what-does-not-fit
      version: '1.0.0'
    input:
      schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
    do:
      - a: { set: { n: '${ .id }' } }
    """
    And given the workflow input is:
    """yaml
    { id: seven }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: ''
    """

  Scenario: Fetched Schema May Be Written In YAML
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-schema-may-be-written-in-yaml
      version: '1.0.0'
    input:
      schema: { resource: { endpoint: 'https://shop.example.com/order.schema.yaml' } }
    do:
      - a: { set: { n: '${ .id }' } }
    """
    And given the workflow input is:
    """yaml
    { id: 7 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { n: 7 }
    """

  Scenario: Fetched Schema Of A Place That The Input Names
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-schema-of-a-place-that-the-input-names
      version: '1.0.0'
    do:
      - a:
          input:
            schema: { resource: { endpoint: "${ .at }" } }
          set: { n: '${ .id }' }
    """
    And given the workflow input is:
    """yaml
    { id: 7, at: 'https://shop.example.com/order.schema.json' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { n: 7 }
    """

  Scenario: Fetched Output Schema Accepts What Fits
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-output-schema-accepts-what-fits
      version: '1.0.0'
    do:
      - a:
          set: { id: 1 }
          output:
            schema: { resource: { endpoint: { uri: 'https://shop.example.com/order.schema.json' } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { id: 1 }
    """

  Scenario: Fetched Output Schema Faults The Task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-output-schema-faults-the-task
      version: '1.0.0'
    do:
      - a:
          set: { id: one }
          output:
            schema: { resource: { endpoint: { uri: 'https://shop.example.com/order.schema.json' } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/a
    """

  Scenario: Fetched Output Schema Is Checked After Output As
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-output-schema-is-checked-after-output-as
      version: '1.0.0'
    do:
      - a:
          set: { id: 1 }
          output:
            as: '{ other: .id }'
            schema: { resource: { endpoint: { uri: 'https://shop.example.com/order.schema.json' } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/a
    """

  Scenario: Fetched Export Schema Accepts The Context
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-export-schema-accepts-the-context
      version: '1.0.0'
    do:
      - a:
          set: { id: 1 }
          export:
            as: '{ id: .id }'
            schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
      - b: { set: { n: '${ $context.id }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { n: 1 }
    """

  Scenario: Fetched Export Schema Faults The Task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-export-schema-faults-the-task
      version: '1.0.0'
    do:
      - a:
          set: { id: one }
          export:
            as: '{ id: .id }'
            schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
      - b: { set: { n: '${ $context.id }' } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/a
    """

  Scenario: Workflow Output Schema Is Fetched
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: workflow-output-schema-is-fetched
      version: '1.0.0'
    do:
      - a: { set: { id: one } }
    output:
      schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: ''
    """

  Scenario: Schema That Cannot Be Fetched
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: schema-that-cannot-be-fetched
      version: '1.0.0'
    do:
      - a:
          set: { id: 1 }
          output:
            schema: { resource: { endpoint: { uri: 'https://petstore.swagger.io/v2/missing.json' } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 404
    instance: /do/0/a
    """

  Scenario: Fetched Text Is No Schema
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-text-is-no-schema
      version: '1.0.0'
    do:
      - a:
          set: { id: 1 }
          output:
            schema: { resource: { endpoint: { uri: 'https://shop.example.com/text.yaml' } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    instance: /do/0/a
    """

  Scenario: Fetched Schema That Is Not Valid
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fetched-schema-that-is-not-valid
      version: '1.0.0'
    do:
      - a:
          set: { id: 1 }
          output:
            schema: { resource: { endpoint: { uri: 'https://shop.example.com/misspelled.schema.json' } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    instance: /do/0/a
    """

  Scenario: Fault Of A Fetched Schema Can Be Caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: fault-of-a-fetched-schema-can-be-caught
      version: '1.0.0'
    do:
      - a:
          try:
            - b:
                set: { id: one }
                output:
                  schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
          catch:
            errors:
              with: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/validation' }
            do:
              - c: { set: { caught: '${ $error.status }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { caught: 400 }
    """

  Scenario: Schema That Cannot Be Fetched Is Tried Again
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: schema-that-cannot-be-fetched-is-tried-again
      version: '1.0.0'
    do:
      - a:
          try:
            - b:
                set: { id: 1 }
                output:
                  schema: { resource: { endpoint: 'https://petstore.swagger.io/v2/missing.json' } }
          catch:
            errors:
              with: { status: 404 }
            retry:
              limit: { attempt: { count: 2 } }
            do:
              - c: { set: { gave: up } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { gave: up }
    """

  Scenario: Schema In A Loop
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: schemas
      name: schema-in-a-loop
      version: '1.0.0'
    do:
      - a:
          for: { each: n, in: '[1, 2, 3]' }
          do:
            - b:
                set: { id: '${ $n }' }
                output:
                  schema: { resource: { endpoint: 'https://shop.example.com/order.schema.json' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { id: 3 }
    """
