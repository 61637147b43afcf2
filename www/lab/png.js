// PNG files of drawings, which carry the page's state and give it back.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const KEYWORD = 'digit8';
const SIDE = 28;
/** Each pixel of the image becomes a square of so many. */
const ENLARGED = 10;

/** Whether a file is a PNG. @param {Uint8Array} file */
export const isPng = (file) => SIGNATURE.every((byte, at) => file[at] === byte);

/**
 * The image `[784]` as the file of a picture, with the state in it.
 * @param {Uint8Array} pixels
 * @param {string} state what follows the path in an address
 */
export async function pngOf(pixels, state) {
  const side = SIDE * ENLARGED;
  const lines = new Uint8Array(side * (side + 1));
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      // The first byte of a line says that it is not filtered.
      lines[row * (side + 1) + 1 + column] = pixels[SIDE * Math.floor(row / ENLARGED) + Math.floor(column / ENLARGED)];
    }
  }
  const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream('deflate'));
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, side);
  header.setUint32(4, side);
  // Eight bits of grey.
  header.setUint8(8, 8);
  const text = new TextEncoder().encode(`${KEYWORD}\0${state}`);
  const data = new Uint8Array(await new Response(packed).arrayBuffer());
  const chunks = [chunk('IHDR', new Uint8Array(header.buffer)), chunk('tEXt', text), chunk('IDAT', data), chunk('IEND', new Uint8Array())];
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ ([new Uint8Array(SIGNATURE), ...chunks])).arrayBuffer());
}

/**
 * The state that a PNG carries, if it does.
 * @param {Uint8Array} file
 */
export function stateOf(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = SIGNATURE.length; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const kind = latin(file.subarray(at + 4, at + 8));
    const text = kind === 'tEXt' ? latin(file.subarray(at + 8, at + 8 + length)) : '';
    if (text.startsWith(`${KEYWORD}\0`)) return text.slice(KEYWORD.length + 1);
    at += 12 + length;
  }
  return undefined;
}

/** @param {Uint8Array} bytes */
const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/**
 * @param {string} kind
 * @param {Uint8Array} data
 */
function chunk(kind, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(kind), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** CRC-32, as the format has it. @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}
