/* live: what ilsd tells by itself (server-sent events): the status, the clusters, the alarms, the
 * hubs and the verdicts, each anew when it changes. A connection that ends is made again by the
 * browser. */
import { effect, signal } from '@preact/signals';
import { session, who } from './api';
import type { Alarm, Cluster, Hub, Status, Verdict } from './types';

export const status = signal<Status | null>(null);
export const clusters = signal<Cluster[]>([]);
export const alarms = signal<Alarm[]>([]);
export const hubs = signal<Hub[]>([]);
export const verdicts = signal<Verdict[]>([]); /* the newest first */
/* Whether events come now. */
export const connected = signal(false);

let source: EventSource | null = null;

function on<T>(topic: string, take: (value: T) => void): void {
    source?.addEventListener(topic, event => {
        const answer = JSON.parse((event as MessageEvent<string>).data) as {
            ok: boolean;
            result: T;
        };
        connected.value = true;
        if (answer.ok) take(answer.result);
    });
}

function open(): void {
    source = new EventSource('/api/v1/events');
    on<Status>('status', value => (status.value = value));
    on<Cluster[]>('clusters', value => (clusters.value = value));
    on<Alarm[]>('alarms', value => (alarms.value = value));
    on<Hub[]>('hubs', value => (hubs.value = value));
    on<Verdict[]>('verdicts', value => (verdicts.value = value));
    source.onerror = () => {
        connected.value = false;
        if (source?.readyState !== EventSource.CLOSED) return;
        close();
        void who().catch(() => undefined);
        if (session.value) setTimeout(() => session.value && source === null && open(), 2000);
    };
}

function close(): void {
    source?.close();
    source = null;
    connected.value = false;
}

const name = signal<string | null>(null);
effect(() => {
    name.value = session.value?.name ?? null;
});
effect(() => {
    close();
    if (name.value !== null) open();
});
