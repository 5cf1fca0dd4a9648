/* qr: a text as a QR code (ISO/IEC 18004): its bytes, error correction L, versions 1 to 10, which
 * hold 271 of them. No dependency: what an authenticator's URI needs of it is this page. */

/* Of versions 1 to 10: codewords in all, of error correction in a block, blocks. */
const SIZES = [
    [26, 7, 1],
    [44, 10, 1],
    [70, 15, 1],
    [100, 20, 1],
    [134, 26, 1],
    [172, 18, 2],
    [196, 20, 2],
    [242, 24, 2],
    [292, 30, 2],
    [346, 18, 4],
] as const;
const LEVEL_L = 1;

/* --- error correction, over GF(256) */

function times(a: number, b: number): number {
    let product = 0;
    for (let bit = 7; bit >= 0; bit -= 1) {
        product = (product << 1) ^ (product & 0x80 ? 0x11d : 0);
        if ((b >> bit) & 1) product ^= a;
    }
    return product;
}

/* The polynomial with the roots 1, 2, 4 ... without its first coefficient, which is 1. */
function generator(n: number): number[] {
    const made = Array<number>(n).fill(0);
    made[n - 1] = 1;
    let root = 1;
    for (let i = 0; i < n; i += 1) {
        for (let k = 0; k < n; k += 1) made[k] = times(made[k]!, root) ^ (made[k + 1] ?? 0);
        root = times(root, 2);
    }
    return made;
}

function correction(block: number[], n: number): number[] {
    const by = generator(n);
    const rest = Array<number>(n).fill(0);
    for (const word of block) {
        const factor = word ^ rest.shift()!;
        rest.push(0);
        for (let k = 0; k < n; k += 1) rest[k]! ^= times(by[k]!, factor);
    }
    return rest;
}

/* --- codewords */

function data(bytes: Uint8Array, version: number): number[] {
    const [all, ec, blocks] = SIZES[version - 1]!;
    const room = (all - ec * blocks) * 8;
    const bits: number[] = [];
    const put = (value: number, n: number) => {
        for (let i = n - 1; i >= 0; i -= 1) bits.push((value >> i) & 1);
    };
    put(4, 4); /* bytes */
    put(bytes.length, version < 10 ? 8 : 16);
    for (const byte of bytes) put(byte, 8);
    put(0, Math.min(4, room - bits.length));
    put(0, (8 - (bits.length % 8)) % 8);
    for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
    const words: number[] = [];
    for (let i = 0; i < bits.length; i += 8)
        words.push(bits.slice(i, i + 8).reduce((word, bit) => (word << 1) | bit, 0));
    return words;
}

/* Blocks of the same length, or of one more at the end, taken in turns. */
function codewords(words: number[], version: number): number[] {
    const [, ec, blocks] = SIZES[version - 1]!;
    const short = Math.floor(words.length / blocks);
    const longer = words.length % blocks;
    const parts: number[][] = [];
    for (let i = 0, at = 0; i < blocks; i += 1) {
        const n = short + (i >= blocks - longer ? 1 : 0);
        parts.push(words.slice(at, at + n));
        at += n;
    }
    const inTurns = (all: number[][]) =>
        Array.from({ length: Math.max(...all.map(one => one.length)) }, (_, i) =>
            all.flatMap(one => (i < one.length ? [one[i]!] : [])),
        ).flat();
    return [...inTurns(parts), ...inTurns(parts.map(one => correction(one, ec)))];
}

/* --- modules; true is dark */

type Grid = (boolean | null)[][];

/* value with the rest of its division by the polynomial behind it. */
function checked(value: number, by: number, n: number): number {
    let rest = value << n;
    for (let bit = 31 - Math.clz32(rest); bit >= n; bit = 31 - Math.clz32(rest))
        rest ^= by << (bit - n);
    return (value << n) | rest;
}

function square(grid: Grid, row: number, column: number, rings: number[]): void {
    const reach = rings.length - 1;
    for (let y = -reach; y <= reach; y += 1)
        for (let x = -reach; x <= reach; x += 1) {
            const line = grid[row + y];
            if (line && column + x >= 0 && column + x < grid.length)
                line[column + x] = rings[Math.max(Math.abs(x), Math.abs(y))] === 1;
        }
}

function patterns(version: number): Grid {
    const size = 17 + 4 * version;
    const grid: Grid = Array.from({ length: size }, () => Array<boolean | null>(size).fill(null));
    const last = size - 7;
    const centres = version === 1 ? [] : version < 7 ? [6, last] : [6, (6 + last) / 2, last];
    const corner = (y: number, x: number) => Math.min(y, x) === 6 && [12, 6 + last].includes(y + x);
    for (const y of centres)
        for (const x of centres) if (!corner(y, x)) square(grid, y, x, [1, 0, 1]);
    for (let i = 8; i < size - 8; i += 1) grid[6]![i] = grid[i]![6] = i % 2 === 0;
    for (const [y, x] of [
        [3, 3],
        [3, size - 4],
        [size - 4, 3],
    ] as const)
        square(grid, y, x, [1, 1, 0, 1, 0]);
    const number = checked(version, 0x1f25, 12);
    for (let i = 0; version >= 7 && i < 18; i += 1) {
        const [near, far] = [Math.floor(i / 3), size - 11 + (i % 3)];
        grid[near]![far] = grid[far]![near] = ((number >> i) & 1) === 1;
    }
    return grid;
}

/* Which mask it is, twice, and the module that is always dark. */
function format(grid: Grid, mask: number): void {
    const size = grid.length;
    const bits = checked((LEVEL_L << 3) | mask, 0x537, 10) ^ 0x5412;
    for (let i = 0; i < 15; i += 1) {
        const dark = ((bits >> i) & 1) === 1;
        const down = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i;
        const across = i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i;
        grid[down]![8] = dark;
        grid[8]![across] = dark;
    }
    grid[size - 8]![8] = true;
}

const MASKS: ((y: number, x: number) => number)[] = [
    (y, x) => (y + x) % 2,
    y => y % 2,
    (_, x) => x % 3,
    (y, x) => (y + x) % 3,
    (y, x) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2,
    (y, x) => ((y * x) % 2) + ((y * x) % 3),
    (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2,
    (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2,
];

/* In columns of two from the right, up and down, around what is there. */
function filled(version: number, words: number[], mask: number): boolean[][] {
    const grid = patterns(version);
    const size = grid.length;
    format(grid, mask);
    let bit = 0;
    for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
        if (right === 6) right -= 1;
        for (let i = 0; i < size; i += 1) {
            const y = up ? size - 1 - i : i;
            for (const x of [right, right - 1]) {
                if (grid[y]![x] !== null) continue;
                const dark = (((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
                grid[y]![x] = dark !== (MASKS[mask]!(y, x) === 0);
                bit += 1;
            }
        }
    }
    return grid as boolean[][];
}

/* How hard it is to read: long runs, blocks, what looks like a corner, more dark than light. */
function hardness(grid: boolean[][]): number {
    const rows = grid.map(row => row.map(dark => (dark ? '1' : '0')).join(''));
    const columns = grid.map((_, x) => grid.map(row => (row[x] ? '1' : '0')).join(''));
    let sum = 0;
    for (const line of [...rows, ...columns]) {
        for (const run of line.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
        sum += 40 * (line.match(/(?=10111010000|00001011101)/g) ?? []).length;
    }
    for (let y = 1; y < rows.length; y += 1)
        for (let x = 1; x < rows.length; x += 1) {
            const four = rows[y - 1]!.slice(x - 1, x + 1) + rows[y]!.slice(x - 1, x + 1);
            if (four === '0000' || four === '1111') sum += 3;
        }
    const dark = rows.join('').replaceAll('0', '').length / rows.length ** 2;
    return sum + 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}

/* Its modules, without the light ones around them; null: it is too long. */
export function qr(text: string): boolean[][] | null {
    const bytes = new TextEncoder().encode(text);
    const version =
        SIZES.findIndex(
            ([all, ec, blocks], i) => bytes.length <= all - ec * blocks - (i < 9 ? 2 : 3),
        ) + 1;
    if (version === 0) return null;
    const words = codewords(data(bytes, version), version);
    const all = MASKS.map((_, mask) => filled(version, words, mask));
    const hard = all.map(hardness);
    return all[hard.indexOf(Math.min(...hard))]!;
}
