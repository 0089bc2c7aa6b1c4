"""Pictures as SVG, made here from frozen values (docs/adr/0097). Pure: no server is asked. Start with svg.py."""
