"""What people make of what they see: saved views, short links, reports."""
