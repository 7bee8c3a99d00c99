"""From the API's typed tasks to a document of the CNCF DSL; one module per noun, one small function per kind."""
