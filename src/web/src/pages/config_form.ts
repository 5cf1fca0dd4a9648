/* config_form: what the form of ILS Configuration holds, and how it is saved: one request,
 * `configure`, of what differs from what it began with; first as a preview. */
import { ask } from '../api';
import type { Auth, Status } from '../types';

export interface Form {
    role: 'standalone' | 'hub' | 'spoke';
    server: string;
    exchange: boolean;
    route: string;
    minutes: string;
    tls: boolean;
    password: boolean;
    secret: string;
    again: string;
    generation: string;
    accept: string[];
    kept: boolean; /* some password is held already */
}

/* The method that the two boxes offer to whom this cluster dials. */
function offered(tls: boolean, password: boolean): string[] {
    return tls || password
        ? [[tls && 'tls', password && 'password'].filter(Boolean).join('+')]
        : [];
}

/* The boxes, ticked anew. As in the original they say what is accepted as well, as long as that is
 * just what they offer; where it is more, as while a network migrates, the new method is added. */
export function ticked(form: Form, part: { tls?: boolean; password?: boolean }): Form {
    const to = { ...form, ...part };
    const was = offered(form.tls, form.password);
    const now = offered(to.tls, to.password);
    const same = form.accept.every(m => was.includes(m));
    return { ...to, accept: same ? now : [...new Set([...form.accept, ...now])].sort() };
}

export interface Change {
    field: string;
    from: unknown;
    to: unknown;
}

export interface Disturbed {
    peer_id: string;
    name: string;
    role: string;
    method: string | null;
    outcome: 'stays' | 'cut off' | 'unknown';
    why: string | null;
    next: string | null;
    next_at: string;
    effects: { effect: string; text: string }[];
}

export interface Preview {
    changes: Change[];
    registers: string | null;
    draining: boolean;
    clusters: Disturbed[];
    stay: number;
    cut_off: number;
    unknown: number;
    withholds: { entries: number; catalogs: number; learned: number; text: string } | null;
    text: string;
}

interface Held {
    generation: number;
    preferred: boolean;
}

function bracketed(host: string, port: number): string {
    const name = host.includes(':') ? `[${host}]` : host;
    return port ? `${name}:${port}` : host;
}

export function formOf(s: Status, auth: Auth, minutes: number, passwords: Held[]): Form {
    return {
        role: s.role.toLowerCase() as Form['role'],
        server: s.join.hub ? bracketed(s.join.hub, s.join.hub_port) : '',
        exchange: s.exchange,
        route: s.route_string,
        minutes: String(minutes),
        tls: auth.tls,
        password: auth.password,
        secret: '',
        again: '',
        generation: String(passwords.find(p => p.preferred)?.generation ?? 1),
        accept: [...auth.accept].sort(),
        kept: passwords.length > 0,
    };
}

export function nameIt(cluster_id: string, fqdn: string): Promise<unknown> {
    return ask('init', { cluster_id, fqdn });
}

/* An invite is used by itself, when all else is saved: it joins, and sets the role. */
export function isInvite(server: string): boolean {
    return /^ILS1-/i.test(server.trim());
}

/* "host", "host:port", "[::1]:port", "::1" */
function placed(server: string): { host: string; port: number } {
    const text = server.trim();
    const m = /^\[(.+)\](?::(\d+))?$/.exec(text) ?? /^([^:]*)(?::(\d+))?$/.exec(text);
    return m ? { host: m[1] ?? '', port: Number(m[2] ?? 0) } : { host: text, port: 0 };
}

/* The arguments of `configure`: what differs from what the form began with. */
export function argsOf(from: Form, to: Form): Record<string, unknown> {
    const args: Record<string, unknown> = {};
    const put = (name: string, value: unknown, was: unknown) => {
        if (JSON.stringify(value) !== JSON.stringify(was)) args[name] = value;
    };
    const invite = isInvite(to.server);
    if (!invite) put('role', to.role, from.role);
    if (!invite && to.role !== 'standalone') {
        if (to.server.trim() !== from.server || to.role !== from.role) {
            const { host, port } = placed(to.server);
            if (host || from.server) Object.assign(args, { host, ...(port ? { port } : {}) });
        }
    }
    put('exchange', to.exchange, from.exchange);
    put('route_string', to.route.trim(), from.route);
    put('minutes', Number(to.minutes), Number(from.minutes));
    put('use_tls', to.tls, from.tls);
    put('use_password', to.password, from.password);
    put('accept', [...to.accept].sort(), from.accept);
    if (to.secret) Object.assign(args, { password: to.secret, generation: Number(to.generation) });
    return args;
}

export function preview(from: Form, to: Form, force: boolean): Promise<Preview> {
    return ask<Preview>('configure', { ...argsOf(from, to), force, dry_run: true }, true);
}

export async function save(from: Form, to: Form, force: boolean): Promise<Preview | null> {
    const args = argsOf(from, to);
    const any = Object.keys(args).length > 0;
    const done = any ? await ask<Preview>('configure', { ...args, force }, true) : null;
    if (isInvite(to.server))
        await ask('join', {
            host: to.server.trim(),
            as: to.role === 'hub' ? 'hub' : 'spoke',
            wait: true,
        });
    return done;
}
