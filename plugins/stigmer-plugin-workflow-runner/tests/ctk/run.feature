Feature: Run Task
  As an implementer of the workflow DSL
  I want to ensure that run tasks run processes and other workflows as defined
  So that my implementation conforms to the expected behaviour

  # The standard output of a process is the output of the task
  Scenario: Run Shell Command
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-shell, version: '1.0.0'}
    do:
      - greet:
          run:
            shell:
              command: echo hello
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    hello
    """

  # Arguments are passed as they are, and never read by the shell
  Scenario: Run Shell Command With Arguments
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-arguments, version: '1.0.0'}
    do:
      - greet:
          run:
            shell:
              command: printf '%s.'
              arguments: ['${ .name }', $(id)]
    """
    And given the workflow input is:
    """yaml
    name: a b
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a b.$(id).
    """

  # The environment of a process is what the task says
  Scenario: Run Shell Command With Environment
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-environment, version: '1.0.0'}
    do:
      - greet:
          run:
            shell:
              command: echo "$GREETING, $NAME"
              environment: {GREETING: hello, NAME: '${ .name }'}
    """
    And given the workflow input is:
    """yaml
    name: world
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    hello, world
    """

  # The standard input of a process is what the task says
  Scenario: Run Shell Command With Standard Input
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-stdin, version: '1.0.0'}
    do:
      - sort:
          run:
            shell:
              command: sort
              stdin: '${ .lines }'
    """
    And given the workflow input is:
    """yaml
    lines: "b\na\n"
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    "a\nb"
    """

  # `return` says which part of the result is the output
  Scenario: Return All
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-all, version: '1.0.0'}
    do:
      - both:
          run:
            shell:
              command: echo out; echo err >&2; exit 3
            return: all
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    code: 3
    stdout: out
    stderr: err
    """

  Scenario: Return Code
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-code, version: '1.0.0'}
    do:
      - fail:
          run:
            shell: {command: exit 7}
            return: code
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    7
    """

  Scenario: Return Standard Error
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-stderr, version: '1.0.0'}
    do:
      - warn:
          run:
            shell: {command: echo careful >&2}
            return: stderr
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    careful
    """

  Scenario: Return None
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-none, version: '1.0.0'}
    do:
      - quiet:
          run:
            shell: {command: echo nothing}
            return: none
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    null
    """

  # A process that fails faults its task
  Scenario: Failing Process Faults
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-fails, version: '1.0.0'}
    do:
      - fail:
          run:
            shell: {command: echo broken >&2; exit 3}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/runtime
    status: 500
    detail: 'the process ended with code 3: broken'
    instance: /do/0/fail
    """

  Scenario: Failing Process Can Be Caught
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-caught, version: '1.0.0'}
    do:
      - guarded:
          try:
            - fail:
                run:
                  shell: {command: exit 1}
          catch:
            errors:
              with: {type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime'}
            do:
              - recover:
                  set: {recovered: true}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    recovered: true
    """
    And fail should run before recover

  # A process that is not awaited leaves the task with its input
  Scenario: Process That Is Not Awaited
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-detached, version: '1.0.0'}
    do:
      - start:
          run:
            shell: {command: exit 1}
            await: false
    """
    And given the workflow input is:
    """yaml
    kept: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kept: 1
    """

  # Scripts
  Scenario: Run Python Script
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-python, version: '1.0.0'}
    do:
      - sum:
          run:
            script:
              language: python
              code: |
                import sys
                print(sum(map(int, sys.argv[1:])))
              arguments: ['${ .a }', '${ .b }']
    """
    And given the workflow input is:
    """yaml
    a: 1
    b: 2
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    '3'
    """

  # What a process prints is text, which an expression may read as JSON
  Scenario: Script Output As JSON
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-json, version: '1.0.0'}
    do:
      - double:
          run:
            script:
              language: python
              code: |
                import json, sys
                print(json.dumps({"y": json.load(sys.stdin)["x"] * 2}))
              stdin: '${ tojson }'
          output: {as: fromjson}
    """
    And given the workflow input is:
    """yaml
    x: 21
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    y: 42
    """

  Scenario: Failing Script Faults
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-script-fails, version: '1.0.0'}
    do:
      - fail:
          run:
            script: {language: python, code: raise SystemExit(2)}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/runtime
    instance: /do/0/fail
    """

  # Problems
  Scenario: Unknown Script Language
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-language, version: '1.0.0'}
    do:
      - fail:
          run:
            script: {language: cobol, code: STOP RUN.}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: Unknown Workflow
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-unknown, version: '1.0.0'}
    do:
      - child:
          run:
            workflow: {namespace: default, name: nobody, version: '1.0.0'}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    instance: /do/0/child
    """

  Scenario: Skipped Process
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-skipped, version: '1.0.0'}
    do:
      - maybe:
          if: ${ .wanted }
          run:
            shell: {command: exit 1}
    """
    And given the workflow input is:
    """yaml
    wanted: false
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    wanted: false
    """

  Scenario: Processes In Branches
    Given a workflow with definition:
    """yaml
    document: {dsl: '1.0.3', namespace: default, name: run-branches, version: '1.0.0'}
    do:
      - both:
          fork:
            branches:
              - one: {run: {shell: {command: echo 1}}}
              - two: {run: {shell: {command: echo 2}}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    ['1', '2']
    """
