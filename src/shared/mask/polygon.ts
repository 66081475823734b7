/**
 * Polygons and masks. Three rasterisers, because three conventions are in use: that of COCO annotations, that
 * of OpenCV (ReasonSeg), and the pixel-centre rule, which inverts `maskToPolygons` exactly.
 */

export { rasterizePolygons } from './polygon-coco';
export { maskToPolygons } from './polygon-contours';
export { polygonsToMask } from './polygon-fill';
export { fillPolygonsOpenCv } from './polygon-opencv';
export { maskToPixelRings } from './polygon-pixels';
export { type PolygonPart, type Ring, ringArea, simplifyRing } from './polygon-ring';
