"""All SQL of status: `projections` writes the log and the views, `reading` answers the API."""
