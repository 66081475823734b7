import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { en } from '../../src/renderer/text/en';
import { expect, test } from './support/host';
import { openImage, withHook } from './workbench-support';

/** The sample project says in plain words on which images the embedded agent can be asked and on which it cannot. */

test.skip(({ kind }) => kind !== 'web', 'the same page in both hosts');

const pictures = process.env.MASKWRIGHT_PICTURES ?? 'test-results/pictures';
const models = resolve(__dirname, '..', '..', 'resources', 'models');
const hasAgent = existsSync(join(models, 'embedded-vlm.gguf'));

const agentPanel = (page: Page) => page.getByRole('region', { name: en.agent.title, exact: true });

test('opens on a drawn scene, with queries to ask for it', async ({ page }) => {
  await withHook(page);
  await expect(page.getByRole('option', { name: /drawn\/test-0\.png/ })).toHaveAttribute(
    'aria-selected',
    'true',
  );
  const panel = agentPanel(page);
  await expect(panel).toContainText(en.basic.scene);
  await expect(panel).toContainText(hasAgent ? en.basic.sceneKnown : en.basic.sceneUnknown);
  const queries = panel.getByRole('list', { name: en.basic.queries });
  expect(await queries.getByRole('button').count()).toBeGreaterThanOrEqual(3);
  await page.screenshot({ path: join(pictures, 'sample-scene-dark.png') });
  const second = queries.getByRole('button').nth(1);
  const words = (await second.textContent()) ?? '';
  await second.click();
  await expect(page.locator('#query')).toHaveValue(words);
  await expect(page.locator('#query')).toBeFocused();
});

test('says on a photograph what a person can do, and replays what is recorded', async ({ page }) => {
  await withHook(page);
  await openImage(page, /motorcycle/);
  const panel = agentPanel(page);
  await expect(panel).toContainText(en.basic.photograph);
  await expect(panel).toContainText(hasAgent ? 'knows drawn scenes only' : 'replay them');
  await expect(panel.getByRole('button', { name: /Replay recorded turns/ }).first()).toBeVisible();
  if (hasAgent) await expect(page.locator('#query')).toHaveAttribute('placeholder', en.basic.placeholder);
  await page.screenshot({ path: join(pictures, 'sample-photograph-dark.png') });
  // Without words Step plays what is recorded, whether an agent that does not know photographs is set up or not.
  await page.locator('[data-tour=step]').click();
  await expect(panel).toContainText(/wheel/i, { timeout: 30_000 });
});

test('names the shipped models as what they are, and says how to get larger ones', async ({ page }) => {
  await withHook(page);
  await page.getByRole('button', { name: en.models.details }).click();
  const dialog = page.getByRole('dialog', { name: en.models.title });
  await expect(dialog).toContainText(en.basic.name, { timeout: 60_000 });
  await dialog.getByText(en.basic.larger, { exact: true }).click();
  await expect(dialog).toContainText('Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf');
  await expect(dialog).toContainText('mobile_sam_image_encoder.onnx');
  await page.screenshot({ path: join(pictures, 'sample-models-dark.png') });
});

test('the embedded agent is asked by Run alone, and is done in a moment', async ({ page }) => {
  test.skip(!hasAgent, 'this version ships no agent');
  await withHook(page);
  await expect(page.locator('#query')).toHaveAttribute('placeholder', /What should the agent find/);
  await page.getByRole('button', { name: /^Run/ }).click();
  await expect(page.locator('#query')).not.toHaveValue('');
  await expect(agentPanel(page)).toContainText(/Finished|nothing here matches|Out of turns/, {
    timeout: 60_000,
  });
  await openImage(page, /flowers/);
  await page.locator('#query').fill('the flowers');
  await page.getByRole('button', { name: /^Run/ }).click();
  await expect(page.getByText(en.basic.beyond)).toBeVisible();
});
