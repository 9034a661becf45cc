"""Pages and files of web servers: one, those of a sitemap, or those of a site below a prefix.

::

    web            the Source: check, discover, read, pieces, a look at a root; web_entry makes it
    crawl          follows links below a prefix      page_links   what a page links to (in a worker)
    sitemap_pages  what a sitemap lists              sitemap      its XML
    fetching       one GET: redirects, retries       web_answer   an answer, and its body up to a limit
    host_pace      how often a host is asked         robots       what its robots.txt allows
    reach          which addresses are connected     url_credentials   what is sent to whom
    versions       how states are compared           held_bodies  what discovery fetched, until it is read
    urls           one spelling for each URL         web_errors   what can go wrong
"""
