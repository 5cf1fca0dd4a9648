/* event: ids of trace events and alarms. The core emits ids and arguments; the sentences are rows
 * of core/event.def and core/alarm.def, rendered by the daemon (SDL text, JSON) and the CLI. */
#ifndef OPENILS_CORE_EVENT_H
#define OPENILS_CORE_EVENT_H

enum trace_level { TRACE_ERROR = 0, TRACE_SIGNIFICANT = 1, TRACE_DETAILED = 2 };

enum trace_event {
#define EVENT(name, id, level, text) name,
#include "core/event.def"
#undef EVENT
    EVENTS
};

enum alarm {
#define ALARM(name, severity, parameter, text) name,
#include "core/alarm.def"
#undef ALARM
    ALARMS
};

#endif
