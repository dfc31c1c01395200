"""Every query, one module per noun. Functions take an open session; they never commit."""
