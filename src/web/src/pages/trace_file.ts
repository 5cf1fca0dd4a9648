/* trace_file: a trace file as text; a rotated one is packed (gzip), and is unpacked here as far as
 * 64 MiB, since little can unpack into much. */
const MOST = 64 * 1024 * 1024;

async function unpacked(file: Blob): Promise<Blob> {
    const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let n = 0;
    for (;;) {
        const { done, value } = await reader.read();
        if (done || n > MOST) break;
        parts.push(value as Uint8Array<ArrayBuffer>);
        n += value.length;
    }
    void reader.cancel().catch(() => undefined);
    return new Blob(parts).slice(0, MOST);
}

/* The file as it is, or unpacked. */
export async function readBlob(file: File): Promise<Blob> {
    const [a, b] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
    return a === 0x1f && b === 0x8b ? unpacked(file) : file.slice(0, MOST);
}

export async function readText(file: File): Promise<string> {
    return (await readBlob(file)).text();
}
