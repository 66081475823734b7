import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const photos = resolve(__dirname, '../../../../shared/data/photos/coco20');
const meta = JSON.parse(readFileSync(`${photos}/instances.json`, 'utf8')) as {
  images: { file_name: string; width: number; height: number }[];
};
export default defineConfig({
  root: resolve(__dirname, '..'),
  define: { __IMAGES__: JSON.stringify(meta.images.map((i) => [i.file_name, i.width, i.height])) },
  resolve: { alias: { '@shared': resolve(__dirname, '../../shared') } },
  plugins: [
    svelte(),
    {
      name: 'photos',
      configureServer(server) {
        server.middlewares.use((req, res, next) => {
          const m = /image\/([^?]+)/.exec(req.url ?? '');
          if (!m) return next();
          const name = decodeURIComponent(m[1]!).replace(/^\d+-/, '');
          if (!readdirSync(`${photos}/images`).includes(name)) {
            res.statusCode = 404;
            return res.end();
          }
          res.setHeader('content-type', 'image/jpeg');
          res.end(readFileSync(`${photos}/images/${name}`));
        });
      },
    },
  ],
  server: { port: 5199, hmr: false },
});
