/* config_form: what the form of ILS Configuration holds, and how it is saved. */
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

export interface Saved {
    said: string[];
}

export function formOf(
    s: Status,
    auth: Auth,
    minutes: number,
    passwords: { generation: number; preferred: boolean }[],
): Form {
    const host = s.join.hub ?? '';
    const preferred = passwords.find(p => p.preferred)?.generation ?? 1;
    return {
        role: s.role.toLowerCase() as Form['role'],
        server:
            host && s.join.hub_port
                ? `${host.includes(':') ? `[${host}]` : host}:${s.join.hub_port}`
                : host,
        exchange: s.exchange,
        route: s.route_string,
        minutes: String(minutes),
        tls: auth.tls,
        password: auth.password,
        secret: '',
        again: '',
        generation: String(preferred),
        accept: auth.accept,
        kept: passwords.length > 0,
    };
}

export function nameIt(cluster_id: string, fqdn: string): Promise<unknown> {
    return ask('init', { cluster_id, fqdn });
}

export async function save(_from: Form, _to: Form): Promise<Saved> {
    return { said: [] };
}
