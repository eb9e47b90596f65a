/** The package as its users have it: packed, and installed in an empty project. */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, npm_config_audit: 'false', npm_config_fund: 'false' };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`);
}

/** Packs this clone and installs the package in `folder`/project, whose path is the answer. No network is needed: dependencies come from the clone. */
export function installPackage(folder: string): string {
  run('npm', ['pack', '--pack-destination', folder], root);
  const [tarball] = globSync('zendo-*.tgz', { cwd: folder });
  if (tarball === undefined) throw new Error('npm pack made no package');
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const local = Object.keys(dependencies).map((name) => join(root, 'node_modules', name));
  run('npm', ['install', '--offline', '--ignore-scripts', '--install-links', ...local, join(folder, tarball)], project);
  return project;
}
