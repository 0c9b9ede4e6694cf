"""Jobs that outlive the process: the ledger, dispatch, and calls to a provider."""
