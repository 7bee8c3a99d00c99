Feature: People, messages and JSONata
  As an author of workflows of the API
  I want questions, notifications, budgets and transformations to be part of the language
  So that a plain document can do what the API's kinds of task do

  Scenario: Silence Is An Answer
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: silence-is-an-answer
      version: '1.0.0'
    do:
      - ask:
          call: stigmer:human
          with: {prompt: 'Sure?', onTimeout: deny}
          timeout: {after: {milliseconds: 5}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    outcome: deny
    formData: {}
    reviewer: ''
    comment: ''
    """

  Scenario: Silence Goes Where Its Outcome Says
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: silence-goes-where-its-outcome-says
      version: '1.0.0'
    do:
      - ask:
          call: stigmer:human
          with: {prompt: 'Sure?', outcomes: [{name: ok}, {name: late, then: remind}], onTimeout: late}
          timeout: {after: {milliseconds: 5}}
      - skipped: {set: {at: skipped}}
      - remind: {set: {at: remind}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    at: remind
    """

  Scenario: Silence Faults Without An Answer For It
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: silence-faults-without-an-answer-for-it
      version: '1.0.0'
    do:
      - ask:
          call: stigmer:human
          with: {prompt: 'Sure?'}
          timeout: {after: {milliseconds: 5}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    title: Timeout Error
    detail: "the task 'ask' took too long"
    instance: /do/0/ask
    """

  Scenario: An Escalated Question That Nobody Answers Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: an-escalated-question-that-nobody-answers-faults
      version: '1.0.0'
    do:
      - ask:
          call: stigmer:human
          with: {prompt: 'Sure?', approvers: [ann], escalate: true}
          timeout: {after: {milliseconds: 5}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    title: Timeout Error
    detail: 'nobody has answered, not after the question was escalated either'
    instance: /do/0/ask
    """

  Scenario: An Escalated Question Can Be Caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: an-escalated-question-can-be-caught
      version: '1.0.0'
    do:
      - try-it:
          try:
            - ask:
                call: stigmer:human
                with: {prompt: 'Sure?', escalate: true}
                timeout: {after: {milliseconds: 5}}
          catch:
            errors: {with: {status: 408}}
            do: [{late: {set: {at: late}}}]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    at: late
    """

  Scenario: A Question Whose Channel Is Not There Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-question-whose-channel-is-not-there-faults
      version: '1.0.0'
    do:
      - ask: {call: 'stigmer:human', with: {prompt: 'Sure?', channels: [webhook]}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    instance: /do/0/ask
    """

  Scenario: A Question Told In The Log Waits Like Any Other
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-question-told-in-the-log-waits-like-any-other
      version: '1.0.0'
    do:
      - ask:
          call: stigmer:human
          with: {prompt: 'Sure?', channels: [log], onTimeout: approve}
          timeout: {after: {milliseconds: 5}}
    """
    When the workflow is executed
    Then the workflow output should have a 'outcome' property with value:
    """yaml
    approve
    """

  Scenario: A Message In The Log Is The Output
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-message-in-the-log-is-the-output
      version: '1.0.0'
    do:
      - tell:
          call: stigmer:notify
          with: {channel: log, recipients: [ann], message: {subject: Hi, body: '${ "n is " + (.n | tostring) }'}}
    """
    And given the workflow input is:
    """yaml
    n: 5
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    subject: Hi
    body: n is 5
    """

  Scenario: A Message Over A Channel That Is Not There Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-message-over-a-channel-that-is-not-there-faults
      version: '1.0.0'
    do:
      - tell: {call: 'stigmer:notify', with: {channel: fax, recipients: [ann], message: {body: b}}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    instance: /do/0/tell
    """

  Scenario: A Message With A Template That Is Not There Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-message-with-a-template-that-is-not-there-faults
      version: '1.0.0'
    do:
      - tell: {call: 'stigmer:notify', with: {channel: log, template: t, recipients: [ann], message: {body: b}}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    instance: /do/0/tell
    """

  Scenario: A Message To Nobody In Particular Can Be Caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-message-to-nobody-in-particular-can-be-caught
      version: '1.0.0'
    do:
      - try-it:
          try: [{tell: {call: 'stigmer:notify', with: {channel: log, recipients: ['${ .n }'], message: {body: b}}}}]
          catch: {do: [{none: {set: {at: none}}}]}
    """
    And given the workflow input is:
    """yaml
    n: 5
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    at: none
    """

  Scenario: A Budget That Is Not Used Up Asks Nobody
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-budget-that-is-not-used-up-asks-nobody
      version: '1.0.0'
      metadata: {stigmer.ai/budget: {maxCostMicros: 1, onExceeded: review}}
    do:
      - one: {set: {a: 1}}
      - two: {set: {b: '${ .a + 1 }'}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    b: 2
    """
    And one should run before two

  Scenario: A Value Is Transformed With JSONata
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: a-value-is-transformed-with-jsonata
      version: '1.0.0'
    do:
      - sum: {call: 'stigmer:jsonata', with: {expression: '$sum(items.(price * n))'}}
    """
    And given the workflow input is:
    """yaml
    items: [{price: 2, n: 4}, {price: 5, n: 1}]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    13
    """

  Scenario: JSONata Sees The Input Of Its Task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: jsonata-sees-the-input-of-its-task
      version: '1.0.0'
    do:
      - names:
          input: {from: .order}
          call: stigmer:jsonata
          with: {expression: "{'who': name, 'upper': $uppercase(name)}"}
    """
    And given the workflow input is:
    """yaml
    order: {name: ann}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    who: ann
    upper: ANN
    """

  Scenario: An Expression Of JSONata Without A Value Is Null
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: an-expression-of-jsonata-without-a-value-is-null
      version: '1.0.0'
    do:
      - none: {call: 'stigmer:jsonata', with: {expression: nothing.here}}
      - then: {set: {none: '${ . == null }'}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    none: true
    """

  Scenario: An Expression Of JSONata That Fails Faults
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: an-expression-of-jsonata-that-fails-faults
      version: '1.0.0'
    do:
      - wrong: {call: 'stigmer:jsonata', with: {expression: "$error('no ' & name)"}}
    """
    And given the workflow input is:
    """yaml
    name: ann
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    status: 400
    detail: no ann
    instance: /do/0/wrong
    """

  Scenario: Text That Looks Like JSONata Stays Text
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: stigmer
      name: text-that-looks-like-jsonata-stays-text
      version: '1.0.0'
    do:
      - same: {call: 'stigmer:jsonata', with: {expression: name}}
    """
    And given the workflow input is:
    """yaml
    name: '$sum([1,2])'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    $sum([1,2])
    """
