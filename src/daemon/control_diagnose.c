#include "daemon/control_inside.h"
void verb_diagnose(struct client *client)
{
    control_error(client, "COMMAND", "not yet", "", NULL);
}
