Feature: Calls
  Calls over HTTP, of OpenAPI operations and of AsyncAPI channels, with every scheme of authentication. The servers are
  fakes of the petstore and httpbin, and an authority and a shop of the kit's own.

  Scenario: Query With A List
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: query-with-a-list
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/anything?fixed=1
            query:
              tag: [ red, 'dark green' ]
              count: ${ .count }
              missing: null
    """
    And given the workflow input is:
    """yaml
    count: 2
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'url' property with value:
    """yaml
    https://httpbin.org/anything?fixed=1&tag=red&tag=dark+green&count=2
    """

  Scenario: Query And Headers From Expressions
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: query-and-headers-from-expressions
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/anything
            query: ${ .query }
            headers: '${ { "x-trace": .trace } }'
    """
    And given the workflow input is:
    """yaml
    query: { q: '${ .trace }' }
    trace: t1
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'url' property with value:
    """yaml
    https://httpbin.org/anything?q=%24%7B+.trace+%7D
    """
    And the workflow output should have a 'headers.x-trace' property with value:
    """yaml
    t1
    """

  Scenario: Body As JSON
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: body-as-json
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: post
            endpoint: https://httpbin.org/anything
            body: [ 1, { name: '${ .name }' } ]
    """
    And given the workflow input is:
    """yaml
    name: Milou
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'json' property with value:
    """yaml
    [ 1, { name: Milou } ]
    """
    And the workflow output should have a 'headers.content-type' property with value:
    """yaml
    application/json
    """

  Scenario: Body As A Form
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: body-as-a-form
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: post
            endpoint: https://httpbin.org/anything
            headers:
              Content-Type: application/x-www-form-urlencoded
            body:
              name: Milou & Co
              tag: [ a, b ]
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'data' property with value:
    """yaml
    name=Milou+%26+Co&tag=a&tag=b
    """

  Scenario: Body As Text
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: body-as-text
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: put
            endpoint: https://httpbin.org/anything
            body: a text
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'data' property with value:
    """yaml
    a text
    """
    And the workflow output should have a 'headers.content-type' property with value:
    """yaml
    text/plain; charset=utf-8
    """

  Scenario: Text In Its Charset
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: text-in-its-charset
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/html
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <p>Größe</p>
    """

  Scenario: Bytes As Base64
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: bytes-as-base64
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/bytes/3
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    '////'
    """

  Scenario: Head Has No Content
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: head-has-no-content
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: head
            endpoint: https://httpbin.org/status/204
            output: response
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'statusCode' property with value:
    """yaml
    204
    """
    And the workflow output should have a 'content' property with value:
    """yaml
    null
    """
    And the workflow output should have a 'request.method' property with value:
    """yaml
    HEAD
    """

  Scenario: Redirect Is An Error By Default
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: redirect-is-an-error-by-default
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/redirect-to?url=/anything
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 302
    instance: /do/0/task
    """

  Scenario: Redirect Is Followed When Allowed
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: redirect-is-followed-when-allowed
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/redirect-to?url=/anything
            redirect: true
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'url' property with value:
    """yaml
    https://httpbin.org/anything
    """

  Scenario: Not Modified Is No Error When Redirects Are
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: not-modified-is-no-error-when-redirects-are
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint: https://httpbin.org/status/304
            redirect: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    null
    """

  Scenario: Digest Authentication
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: digest-authentication
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/digest-auth/auth/milou/bone
              authentication:
                digest:
                  username: milou
                  password: ${ .password }
    """
    And given the workflow input is:
    """yaml
    password: bone
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    user: milou
    """

  Scenario: Wrong Digest Is Refused
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: wrong-digest-is-refused
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/digest-auth/auth/milou/bone
              authentication:
                digest:
                  username: milou
                  password: stick
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 401
    instance: /do/0/task
    """

  Scenario: Named Bearer Authentication
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: named-bearer-authentication
      version: '1.0.0'
    use:
      authentications:
        token:
          bearer:
            token: t0
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/bearer
              authentication:
                use: token
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    authenticated: true
    token: t0
    """

  Scenario: OAuth2 With Client Credentials
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: oauth2-with-client-credentials
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/bearer
              authentication:
                oauth2:
                  authority: https://authority.example.com
                  grant: client_credentials
                  client:
                    id: runner
                    secret: s3cret
                  scopes: [ read, write ]
                  audiences: [ shop ]
          output:
            as: .token
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    eyJhdWRpZW5jZSI6ICJzaG9wIiwgImdyYW50X3R5cGUiOiAiY2xpZW50X2NyZWRlbnRpYWxzIiwgInBhdGgiOiAiL29hdXRoMi90b2tlbiIsICJzY29wZSI6ICJyZWFkIHdyaXRlIn0=
    """

  Scenario: OAuth2 With A Password
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: oauth2-with-a-password
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/bearer
              authentication:
                oauth2:
                  authority: https://authority.example.com/
                  grant: password
                  endpoints:
                    token: /issue
                  client:
                    id: runner
                    secret: s3cret
                    authentication: client_secret_basic
                  request:
                    encoding: application/json
                  username: milou
                  password: bone
          output:
            as: .token
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    eyJncmFudF90eXBlIjogInBhc3N3b3JkIiwgInBhdGgiOiAiL2lzc3VlIiwgInVzZXJuYW1lIjogIm1pbG91In0=
    """

  Scenario: OpenID Connect By Discovery
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openid-connect-by-discovery
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/bearer
              authentication:
                oidc:
                  authority: https://authority.example.com
                  grant: client_credentials
                  client:
                    id: runner
                    secret: s3cret
                  issuers: [ https://authority.example.com ]
          output:
            as: .token
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    eyJncmFudF90eXBlIjogImNsaWVudF9jcmVkZW50aWFscyIsICJwYXRoIjogIi90b2tlbiJ9
    """

  Scenario: Refused Client Is An Authentication Error
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: refused-client-is-an-authentication-error
      version: '1.0.0'
    do:
      - task:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/bearer
              authentication:
                oauth2:
                  authority: https://authority.example.com
                  grant: client_credentials
                  client:
                    id: runner
                    secret: wrong
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/authentication
    status: 401
    detail: "POST https://authority.example.com/oauth2/token: 401 invalid_client"
    instance: /do/0/task
    """

  Scenario: OpenAPI Document As An External Resource
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openapi-document-as-an-external-resource
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              name: petstore
              endpoint:
                uri: https://petstore.swagger.io/v2/swagger.json
            operationId: findPetsByStatus
            parameters:
              status: [ available, sold ]
          output:
            as: map(.status)
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ available, sold ]
    """

  Scenario: OpenAPI Body
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openapi-body
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://petstore.swagger.io/v2/swagger.json
            operationId: addPet
            parameters:
              pet:
                id: 1
                name: Milou
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    id: 1
    name: Milou
    """

  Scenario: OpenAPI Form
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openapi-form
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://petstore.swagger.io/v2/swagger.json
            operationId: updatePetWithForm
            parameters:
              petId: 1
              name: ${ . }
    """
    And given the workflow input is:
    """yaml
    Tim & Milou
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'name' property with value:
    """yaml
    Tim & Milou
    """

  Scenario: OpenAPI Key As A Parameter
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openapi-key-as-a-parameter
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://petstore.swagger.io/v2/swagger.json
            operationId: getPetById
            parameters:
              petId: 1
              api_key: special-key
            output: response
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'request.headers.api_key' property with value:
    """yaml
    special-key
    """
    And the workflow output should have a 'statusCode' property with value:
    """yaml
    200
    """

  Scenario: OpenAPI Parameters In Every Place
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openapi-parameters-in-every-place
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://shop.example.com/openapi.yaml
            operationId: getOrder
            parameters:
              orderId: a/b
              fields: [ id, total ]
              tag: [ new, 'in stock' ]
              filter:
                min: 3
              X-Trace: t1
              session: s1
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'url' property with value:
    """yaml
    https://shop.example.com/live/api/orders/a%2Fb?fields=id,total&tag=new&tag=in%20stock&filter%5Bmin%5D=3
    """
    And the workflow output should have a 'headers.x-trace' property with value:
    """yaml
    t1
    """
    And the workflow output should have a 'headers.cookie' property with value:
    """yaml
    session=s1
    """

  Scenario: OpenAPI Body Of What Is Left
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: openapi-body-of-what-is-left
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://shop.example.com/openapi.yaml
            operationId: putOrder
            parameters:
              orderId: 7
              item: ball
              count: 2
            authentication:
              basic:
                username: milou
                password: bone
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'method' property with value:
    """yaml
    PUT
    """
    And the workflow output should have a 'json' property with value:
    """yaml
    { item: ball, count: 2 }
    """
    And the workflow output should have a 'headers.authorization' property with value:
    """yaml
    Basic bWlsb3U6Ym9uZQ==
    """

  Scenario: Unknown OpenAPI Operation
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: unknown-openapi-operation
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://petstore.swagger.io/v2/swagger.json
            operationId: getPetByID
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    detail: "https://petstore.swagger.io/v2/swagger.json has no operation 'getPetByID', did you mean 'getPetById'?"
    instance: /do/0/task
    """

  Scenario: Missing OpenAPI Parameter
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: missing-openapi-parameter
      version: '1.0.0'
    do:
      - task:
          call: openapi
          with:
            document:
              endpoint: https://petstore.swagger.io/v2/swagger.json
            operationId: getPetById
            parameters: ${ .parameters }
    """
    And given the workflow input is:
    """yaml
    parameters: {}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    detail: "the operation needs the parameter 'petId'"
    instance: /do/0/task
    """

  Scenario: AsyncAPI 3 Over HTTP
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: asyncapi-3-over-http
      version: '1.0.0'
    do:
      - task:
          call: asyncapi
          with:
            document:
              endpoint: https://shop.example.com/asyncapi3.yaml
            operation: placeOrder
            server:
              name: hooks
              variables:
                stage: test
            message:
              headers:
                x-trace: t1
              payload:
                order:
                  id: ${ .id }
    """
    And given the workflow input is:
    """yaml
    id: 7
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'method' property with value:
    """yaml
    PUT
    """
    And the workflow output should have a 'url' property with value:
    """yaml
    https://shop.example.com/test/hooks/orders/7
    """
    And the workflow output should have a 'json' property with value:
    """yaml
    { order: { id: 7 } }
    """
    And the workflow output should have a 'headers.x-trace' property with value:
    """yaml
    t1
    """

  Scenario: AsyncAPI 2 Over HTTP
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: asyncapi-2-over-http
      version: '1.0.0'
    do:
      - task:
          call: asyncapi
          with:
            document:
              endpoint: https://shop.example.com/asyncapi2.yaml
            channel: user/signedup
            protocol: https
            message:
              payload:
                name: Milou
            authentication:
              bearer:
                token: t0
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'url' property with value:
    """yaml
    https://shop.example.com/hooks/user/signedup
    """
    And the workflow output should have a 'headers.content-type' property with value:
    """yaml
    application/vnd.shop+json
    """
    And the workflow output should have a 'headers.authorization' property with value:
    """yaml
    Bearer t0
    """

  Scenario: AsyncAPI Server Of Another Protocol
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: asyncapi-server-of-another-protocol
      version: '1.0.0'
    do:
      - task:
          call: asyncapi
          with:
            document:
              endpoint: https://shop.example.com/asyncapi3.yaml
            operation: writeAudit
            message:
              payload:
                entry: 1
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    detail: "no server of https://shop.example.com/asyncapi3.yaml speaks http: this version calls no kafka"
    instance: /do/0/task
    """

  Scenario: AsyncAPI Protocol That Is Not There
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: asyncapi-protocol-that-is-not-there
      version: '1.0.0'
    do:
      - task:
          call: asyncapi
          with:
            document:
              endpoint: https://shop.example.com/asyncapi3.yaml
            operation: placeOrder
            protocol: mqtt
            message:
              payload:
                entry: 1
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/configuration
    status: 400
    """
