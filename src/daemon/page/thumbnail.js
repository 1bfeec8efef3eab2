// A small picture that bitd makes anew. Drawn, as an <img> could send no token.
import {el} from './format.js';

// blob: a promise of its bytes, or of null. Its place is there at once.
export function thumbnail(blob, label) {
    const canvas = el('canvas', {width: 96, height: 96, role: 'img', 'aria-label': label});
    blob.then(bytes => bytes && createImageBitmap(bytes)).catch(() => null).then(bitmap => {
        if (!bitmap) {
            canvas.replaceWith(el('div', {class: 'nothing quiet'}, 'nothing to see'));
            return;
        }
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
        canvas.getContext('2d').drawImage(bitmap, 0, 0);
        bitmap.close();
    });
    return canvas;
}
