"""Logs of everything that ever ran: lines become rows, one per environment, and rules judge the rows."""
