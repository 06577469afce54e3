"""What fits leadrelay to frameworks: one package each, which only an application of that framework imports."""
