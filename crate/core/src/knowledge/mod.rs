//! Tables of facts: bug checks, status codes, drivers, firmware, Integration Services.
