"""What `kwek torture` is made of: a hostile message centre with its journal, faults, and the ledger of promises."""
