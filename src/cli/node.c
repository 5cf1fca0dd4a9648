/* node: where several ilsd share a store, which of them writes. */
#include "cli/cli.h"

#include <string.h>

#include "cli/words.h"

int run_store_release(struct cli *cli, const struct parsed *p)
{
    struct call call = {.command = "store release", .args = json_object()};
    (void)p;
    return cli_change(cli, &call);
}

void print_node(const json_t *node)
{
    const char *part = text_of(node, "part"), *writer = text_of(node, "writer");
    const char *since = text_of(node, "since");
    if (strcmp(part, "writes") == 0)
        printf(_("this ilsd writes, since %s\n"), since);
    else if (writer[0] == '\0')
        printf("%s\n", strcmp(part, "stands by") == 0 ? _("this ilsd stands by, and nobody writes")
                                                      : _("this ilsd looks up, and nobody writes"));
    else if (strcmp(part, "stands by") == 0)
        printf(_("this ilsd stands by; %s writes, since %s\n"), writer, since);
    else
        printf(_("this ilsd looks up; %s writes, since %s\n"), writer, since);
}
