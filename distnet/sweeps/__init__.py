"""Many runs of one job file: trained one after the other, ranked, drawn."""
