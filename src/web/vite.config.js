/* The page becomes three files with names that stay: ilsd gives them with entity tags. Nothing is
 * in line, since its policy allows scripts and styles by file only. */
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';

/* The licences of what goes into the page. */
const notices = {
    name: 'notices',
    generateBundle() {
        const parts = ['preact', '@preact/signals', '@preact/signals-core'].map(name => {
            const folder = `node_modules/${name}`;
            const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
            return `${name} ${version}\n\n${readFileSync(`${folder}/LICENSE`, 'utf8').trim()}\n`;
        });
        this.emitFile({
            type: 'asset',
            fileName: 'assets/notices.txt',
            source: parts.join('\n\n'),
        });
    },
};

export default defineConfig({
    base: '/',
    plugins: [notices],
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
        outDir: 'built',
        emptyOutDir: true,
        target: 'es2022',
        modulePreload: false,
        assetsInlineLimit: 0,
        cssCodeSplit: false,
        reportCompressedSize: true,
        rolldownOptions: {
            output: {
                codeSplitting: false,
                entryFileNames: 'assets/page.js',
                assetFileNames: 'assets/page[extname]',
            },
        },
    },
});
