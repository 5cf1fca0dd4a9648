/* page_files: the files by their path. This version has a page of one sentence, and the API. */
#include "daemon/page_files.h"

static const uint8_t absent[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>OpenILS</title>\n"
    "<h1>OpenILS</h1>\n<p>The page is not in this version; its HTTP API is: "
    "<a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a></p>\n</html>\n";

const struct page_file *page_file(struct slice path)
{
    static const struct page_file none = {"/", "text/html; charset=utf-8", "\"absent\"", absent,
                                          sizeof absent - 1, false};
    return slice_eq(path, slice_of("/")) ? &none : NULL;
}
