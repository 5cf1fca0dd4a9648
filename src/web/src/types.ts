/* types: the answers of ilsd that more than one page reads (docs/contract.md has all keys). */
export interface Certificate {
    subject: string;
    names: string[];
    fingerprint: string;
    issuer: string | null;
    self_signed: boolean;
    not_before: string;
    not_after: string;
    days_left: number;
    chain: number;
    pem: string;
}

export interface Status {
    health: 'healthy' | 'degraded';
    cause: string | null;
    next: string | null;
    next_at: string;
    or: string | null;
    or_at: string;
    initialised: boolean;
    cluster_id: string;
    fqdn: string;
    description: string;
    route_string: string;
    role: 'Hub' | 'Spoke' | 'Standalone';
    peer_id: string;
    network_id: string | null;
    version: string;
    trace_level: string;
    usn: number;
    own_entries: number;
    entries: number;
    clusters: number;
    clusters_linked: number;
    join: {
        wanted: boolean;
        up: boolean;
        attempts: number;
        hub: string | null;
        hub_port: number;
        last_code: string | null;
    };
    mesh: { linked: number; hubs: number; missing: unknown[] };
    registered_with: string | null;
    exchange: boolean;
    certificate: Certificate | null;
    listening: { tls: boolean; password: boolean };
    routes_missing: unknown[];
    alarms_active: number;
    duplicates: number;
    held: number;
    confirm: unknown;
}

export interface Cluster {
    cluster_id: string;
    name: string;
    last_contact_time: string | null;
    /* of a spoke: the peer id of the hub that serves it, as it said with its last beat */
    hub: string | null;
    role: string;
    advertised_route_string: string;
    last_usn_data_received: string | null;
    usn_data_synchronization_status: string;
    action: 'Disconnect' | 'Connect';
    local: boolean;
    peer_id: string;
    fqdn: string;
    description: string;
    version: string;
    address: string | null;
    usn: number;
    entries: number;
    linked: boolean;
    met: boolean;
    disconnected: boolean;
    stale: boolean;
    draining: boolean;
    link_method: string | null;
    certificate_name: string | null;
    certificate_fingerprint: string | null;
    certificate_ends: string | null;
}

export interface Alarm {
    name: string;
    severity: string;
    count: number;
    first: string;
    last: string;
    active: boolean;
    text: string;
}

export interface Hub {
    cluster_id: string;
    peer_id: string;
    why: string;
    address: string;
    port: number;
    linked: boolean;
    visited: boolean;
    draining: boolean;
    last_code: string | null;
    attempts: number;
    since_s: number | null;
    next: string | null;
    next_at: string;
}

export interface Verdict {
    verdict_id: string;
    code: string;
    cause: string;
    evidence: string;
    remedy: string;
    remedy_at: string;
    told: boolean;
    method: string;
    rule: string | null;
    certificate_name: string | null;
    fingerprint: string | null;
    generation: number | null;
    host: string | null;
    port: number;
    peer_id: string | null;
    peer_name: string | null;
    address: string | null;
    local: string | null;
    dialler: boolean;
    retry_after: number;
    time: string;
}

export interface Auth {
    tls: boolean;
    password: boolean;
    accept: string[];
}
