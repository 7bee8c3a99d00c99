"""The Workflow, WorkflowInstance and WorkflowExecution kinds, and the run commands."""
