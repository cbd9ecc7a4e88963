"""The report as one page for a browser: the same words, with charts to look into; no network, no server."""

from ray_mtlkd.report.web.page import web_page

__all__ = ["web_page"]
