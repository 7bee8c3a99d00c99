Feature: Protocols
  Calls of other agents (A2A), of gRPC services and of MCP servers. The agent is a fake of the kit's own.

  Scenario: Message To The Agent Of A Card
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: message-to-the-agent-of-a-card
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            agentCard:
              endpoint: https://agent.example.com/.well-known/agent-card.json
            parameters:
              message:
                messageId: m1
                parts:
                  - kind: text
                    text: ${ .text }
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kind: message
    messageId: m1
    role: user
    parts: [ { kind: text, text: hello } ]
    """

  Scenario: Message To A Server
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: message-to-a-server
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            server: https://agent.example.com/rpc
            parameters:
              message:
                messageId: m1
                parts:
                  - kind: text
                    text: ${ .text }
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kind: message
    messageId: m1
    role: user
    parts: [ { kind: text, text: hello } ]
    """

  Scenario: Card Comes Before Server
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: card-comes-before-server
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            agentCard:
              endpoint: https://agent.example.com/.well-known/agent-card.json
            server: https://nobody.example.com/status/500
            parameters:
              message:
                messageId: m1
                parts:
                  - kind: text
                    text: ${ .text }
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kind: message
    messageId: m1
    role: user
    parts: [ { kind: text, text: hello } ]
    """

  Scenario: Message Gets An Id And A Role
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: message-gets-an-id-and-a-role
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            server: https://agent.example.com/rpc
            parameters:
              message:
                parts: []
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have properties 'messageId', 'role', 'parts'
    And the workflow output should have a 'role' property with value:
    """yaml
    user
    """

  Scenario: Own Role Of A Message Is Kept
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: own-role-of-a-message-is-kept
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            server: https://agent.example.com/rpc
            parameters:
              message:
                role: agent
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'role' property with value:
    """yaml
    agent
    """

  Scenario: Parameters From An Expression
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: parameters-from-an-expression
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            server: https://agent.example.com/rpc
            parameters: ${ .given }
    """
    And given the workflow input is:
    """yaml
    given: { message: { messageId: m7 } }
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'messageId' property with value:
    """yaml
    m7
    """

  Scenario: Stream Of Results Is A List
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: stream-of-results-is-a-list
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/stream
            server: https://agent.example.com/rpc
            parameters:
              message:
                messageId: m1
                parts:
                  - kind: text
                    text: ${ .text }
          output:
            as: '${ { results: ., count: length } }'
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'results' property containing 2 items
    And the workflow output should have a 'count' property with value:
    """yaml
    2
    """

  Scenario: Error Of An Agent
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: error-of-an-agent
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: tasks/get
            server: https://agent.example.com/rpc
            parameters:
              id: t1
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/runtime
    status: 500
    detail: 'the agent answered with error -32001: Task not found'
    """

  Scenario: Error Of An Agent Is Caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: error-of-an-agent-is-caught
      version: '1.0.0'
    do:
      - attempt:
          try:
            - ask:
                call: a2a
                with:
                  method: tasks/get
                  server: https://agent.example.com/rpc
                  parameters: { id: t1 }
          catch:
            errors:
              with:
                type: https://serverlessworkflow.io/spec/1.0.0/errors/runtime
            as: problem
            do:
              - answer:
                  set:
                    status: ${ $problem.status }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    status: 500
    """

  Scenario: Parameters That Are No Object
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: parameters-that-are-no-object
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: tasks/get
            server: https://agent.example.com/rpc
            parameters: ${ .text }
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: Unknown Method Of An Agent
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: unknown-method-of-an-agent
      version: '1.0.0'
    do:
      - ask:
          call: a2a
          with:
            method: message/sent
            server: https://agent.example.com/rpc
            parameters:
              message:
                messageId: m1
                parts:
                  - kind: text
                    text: ${ .text }
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: gRPC To An Address Inside
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: grpc-to-an-address-inside
      version: '1.0.0'
    do:
      - greet:
          call: grpc
          with:
            service:
              name: kit.v1.Greeter
              host: 127.0.0.1
              port: 50051
            method: Greet
            arguments: { fullName: Ada }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: gRPC To The Metadata Of A Cloud
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: grpc-to-the-metadata-of-a-cloud
      version: '1.0.0'
    do:
      - greet:
          call: grpc
          with:
            service:
              name: kit.v1.Greeter
              host: 169.254.169.254
              port: 80
            method: Greet
            arguments: { fullName: Ada }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: gRPC Port From An Expression
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: grpc-port-from-an-expression
      version: '1.0.0'
    do:
      - greet:
          call: grpc
          with:
            service:
              name: kit.v1.Greeter
              host: 127.0.0.1
              port: ${ .port }
            method: Greet
            arguments: { fullName: Ada }
    """
    And given the workflow input is:
    """yaml
    port: none
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    detail: "'none' is no port"
    """

  Scenario: Tools Of A Process
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: tools-of-a-process
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            transport:
              stdio:
                command: sh
                arguments:
                  - -c
                  - |
                    read -r line; echo '{"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}'
                    read -r line; read -r line; echo '{"jsonrpc": "2.0", "id": 2, "result": {"tools": [], "nextCursor": "more"}}'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    tools: []
    nextCursor: more
    """

  Scenario: Process Gets The Parameters
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: process-gets-the-parameters
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/call
            parameters: { name: "${ .tool }" }
            transport:
              stdio:
                command: sh
                arguments:
                  - -c
                  - |
                    read -r line; echo '{"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}'
                    read -r line; read -r line; echo "{\"jsonrpc\": \"2.0\", \"id\": 2, \"result\": $line}"
    """
    And given the workflow input is:
    """yaml
    tool: search
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'params.name' property with value:
    """yaml
    search
    """

  Scenario: Error Of A Process
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: error-of-a-process
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            transport:
              stdio:
                command: sh
                arguments:
                  - -c
                  - |
                    read -r line; echo '{"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}'
                    read -r line; read -r line; echo '{"jsonrpc": "2.0", "id": 2, "error": {"code": -32601, "message": "Method not found"}}'
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/runtime
    status: 500
    detail: 'the server answered with error -32601: Method not found'
    """

  Scenario: Process That Ends
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: process-that-ends
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            transport:
              stdio:
                command: sh
                arguments: [ -c, 'echo no such team >&2' ]
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 500
    detail: 'the server ended before it answered: no such team'
    """

  Scenario: Process That Does Not Answer
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: process-that-does-not-answer
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            timeout: { milliseconds: 200 }
            transport:
              stdio:
                command: sh
                arguments: [ -c, 'sleep 1000' ]
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    """

  Scenario: MCP Server That Is Not There
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: mcp-server-that-is-not-there
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            transport:
              http:
                endpoint: https://httpbin.org/status/404
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 404
    """

  Scenario: MCP Server That Speaks Something Else
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: mcp-server-that-speaks-something-else
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            transport:
              http:
                endpoint: https://httpbin.org/html
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 500
    """

  Scenario: MCP Parameters That Are No Object
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: mcp-parameters-that-are-no-object
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/call
            parameters: ${ .tool }
            transport:
              http:
                endpoint: https://httpbin.org/anything
    """
    And given the workflow input is:
    """yaml
    tool: search
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    detail: the parameters of the call are not an object
    """

  Scenario: MCP Headers That Are No Object
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: mcp-headers-that-are-no-object
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
            transport:
              http:
                endpoint: https://httpbin.org/anything
                headers: ${ .tool }
    """
    And given the workflow input is:
    """yaml
    tool: search
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: Unknown Method Of MCP
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: unknown-method-of-mcp
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/remove
            transport:
              http:
                endpoint: https://httpbin.org/anything
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: MCP Without A Transport
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: mcp-without-a-transport
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/list
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """

  Scenario: MCP Tool Without A Name
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: mcp-tool-without-a-name
      version: '1.0.0'
    do:
      - ask:
          call: mcp
          with:
            method: tools/call
            transport:
              http:
                endpoint: https://httpbin.org/anything
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """
