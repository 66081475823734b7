import { describe, expect, it } from 'vitest';
import { commands } from '../commands';
import { en } from './en';
import { zhCn } from './zh-CN';

/** What the compiler cannot see: that a translation is one. */

type Leaf = string | ((...values: readonly unknown[]) => unknown);

function leavesOf(value: unknown, path: string, found = new Map<string, Leaf>()): Map<string, Leaf> {
  if (typeof value === 'string') found.set(path, value);
  else if (typeof value === 'function') found.set(path, value as Leaf);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) leavesOf(child, path ? `${path}.${key}` : key, found);
  }
  return found;
}

const english = leavesOf(en, '');
const chinese = leavesOf(zhCn, '');

/** Names, formats and their fields, units, keys and examples, which are the same in every language. */
const sameEverywhere =
  /\b(Maskwright|Mask|wright|COCO|JSONL?|YOLO(-seg)?|Ultralytics|Pascal VOC|CVAT|Segmentation(Class|Object)|data\.yaml|(labelmap|classes)\.txt|(masks\/)?NAME(_mask)?(\.png|\/CLASS_1\.png)|LabelMe|PNG|JPE?G|WebP|TIFF|GGUF|SAM( 2)?|EfficientSAM|IoU|gIoU|RLE|CSV|Qwen([\d.]*-VL)?|OpenAI|CUDA|CPU|GPU|DirectML|CoreML|WebGPU|Metal|NVIDIA|Windows|macOS|vLLM|Ollama|Hugging Face|MASKWRIGHT_API_KEY|Apache-2\.0|CC BY(-SA)? 2\.0|ONNX|ONNXRuntime|Electron|Enter|Backspace|Space|Shift|Alt|Ctrl|Tab|Del|Esc|F1|F6|Cmd|token|ID|id|px|ms|kB|MB|GB|min|s|encoder\.onnx|decoder\.onnx|embedded|model\.gguf|mmproj\.gguf|mmproj|[A-Z])\b|https?:\S+|~?\/[\w/.~-]+|#[\w-]+|\[\[[\w.]+\]\]|\{\w+\}|\bimage,query\b|\bclass\b|\.json\b/g;

/** Results for numbers that do not occur in any text, as written by `String` and by `Intl`. */
const samples = [7_654_321, 8_765_432, 9_876_543, 6_543_219];

function shows(text: string, sample: number): boolean {
  return text.replace(/[,\s]/g, '').includes(String(sample));
}

function call(leaf: Leaf): string | null {
  if (typeof leaf === 'string') return leaf;
  try {
    const result = leaf(...samples);
    return typeof result === 'string' ? result : null;
  } catch {
    // It needs an object or a word of a closed list; its type is checked by the compiler.
    return null;
  }
}

describe('the Chinese texts', () => {
  it('are as many as the English ones', () => {
    // The engine speaks English: in the English window its own words need no general ones before them.
    const translated = [...chinese.keys()].filter((path) => !path.startsWith('errors.general.'));
    expect(translated.sort()).toEqual([...english.keys()].sort());
  });

  it('leave no English word', () => {
    const left = [...chinese].flatMap(([path, leaf]) => {
      const words = call(leaf)
        ?.replace(sameEverywhere, '')
        .match(/[A-Za-z]{3,}/g);
      return words ? [`${path}: ${words.join(' ')}`] : [];
    });
    expect(left).toEqual([]);
  });

  it('say every number and name that the English ones say', () => {
    const forgotten = [...english].flatMap(([path, leaf]) => {
      const [said, translated] = [call(leaf), call(chinese.get(path) ?? '')];
      if (typeof leaf === 'string' || said === null || translated === null) return [];
      return samples.some((sample) => shows(said, sample) && !shows(translated, sample)) ? [path] : [];
    });
    expect(forgotten).toEqual([]);
  });

  it('name the same commands by their keys, and only commands that there are', () => {
    const named = (leaf: Leaf): string[] => call(leaf)?.match(/\[\[[\w.]+\]\]/g) ?? [];
    const ids = new Set(commands.map(({ id }) => `[[${id}]]`));
    for (const [path, leaf] of english) {
      expect(named(chinese.get(path) ?? '').sort(), path).toEqual(named(leaf).sort());
      expect(named(leaf).filter((id) => !ids.has(id))).toEqual([]);
    }
  });

  it('are not empty where the English ones are not', () => {
    const empty = [...english].filter(([path, leaf]) => call(leaf) !== '' && chinese.get(path) === '');
    expect(empty.map(([path]) => path)).toEqual([]);
  });
});
