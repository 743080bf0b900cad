"""The filters: planes in, better planes out. None of them decides whether it is called for."""
