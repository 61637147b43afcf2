// NumPy's files: an archive of arrays, read where Node.js is.

import assert from 'node:assert/strict';
import { inflateRawSync } from 'node:zlib';

/**
 * The members of a zip archive, by name, still compressed.
 * @param {Buffer} zip
 */
function* members(zip) {
  // NumPy's archives have no comment, so the record at the end has a fixed size.
  const end = zip.length - 22;
  assert.equal(zip.readUInt32LE(end), 0x06054b50, 'a zip archive without a comment');
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count--) {
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field));
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    yield { name, bytes, deflated: zip.readUInt16LE(at + 10) === 8 };
    at += 46 + nameLength + extra + comment;
  }
}

/**
 * The values of an array of an `.npz` file, as they lie in memory: row by row, little-endian.
 * @param {Buffer} npz
 * @param {string} array
 */
export function values(npz, array) {
  for (const { name, bytes, deflated } of members(npz)) {
    if (name !== `${array}.npy`) continue;
    const npy = deflated ? inflateRawSync(bytes) : bytes;
    assert.equal(npy.toString('latin1', 1, 6), 'NUMPY');
    const start = 10 + npy.readUInt16LE(8);
    const header = npy.toString('latin1', 10, start);
    assert.match(header, /'descr': '(\|u1|<f4)', 'fortran_order': False/, `${array} holds bytes or floats`);
    return npy.subarray(start);
  }
  throw new Error(`no array ${array}`);
}
