"""The gate: whether a candidate is worse than its baseline by enough, and surely enough, to stop it. `docs/gate.md` says how it decides."""
