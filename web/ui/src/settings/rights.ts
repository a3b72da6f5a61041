/** Rights per function and camera, as a matrix shows them. */

import { CAMERA_RIGHTS, HOUSE_RIGHTS, type CameraRight, type HouseRight, type Rights } from '../api/accounts';

export const NO_RIGHTS: Rights = { house: [], every_camera: [], cameras: {} };

/** In the order of the matrix, each once. */
export function tidyRights(rights: Rights): Rights {
  const of = (list: readonly CameraRight[]): CameraRight[] => CAMERA_RIGHTS.filter((right) => list.includes(right));
  const own = Object.entries(rights.cameras)
    .map(([camera, list]) => [camera, of(list).filter((right) => !rights.every_camera.includes(right))] as const)
    .filter(([, list]) => list.length > 0);
  return { house: HOUSE_RIGHTS.filter((right) => rights.house.includes(right)), every_camera: of(rights.every_camera), cameras: Object.fromEntries(own) };
}

const toggled = <T>(list: readonly T[], one: T, on: boolean): T[] => (on ? [...list.filter((other) => other !== one), one] : list.filter((other) => other !== one));

export const setHouse = (rights: Rights, right: HouseRight, on: boolean): Rights => tidyRights({ ...rights, house: toggled(rights.house, right, on) });

export const setEvery = (rights: Rights, right: CameraRight, on: boolean): Rights =>
  tidyRights({ ...rights, every_camera: toggled(rights.every_camera, right, on) });

export const setCamera = (rights: Rights, camera: string, right: CameraRight, on: boolean): Rights =>
  tidyRights({ ...rights, cameras: { ...rights.cameras, [camera]: toggled(rights.cameras[camera] ?? [], right, on) } });

export const may = (rights: Rights, camera: string, right: CameraRight): boolean =>
  rights.every_camera.includes(right) || (rights.cameras[camera] ?? []).includes(right);
